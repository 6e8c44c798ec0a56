// A second process with the same key: tries to sign slots p0, p1, ... and prints those it got. Arguments: url, schema, count.
import { openDatabase } from '../../../node/adapters/postgres/database.ts'
import { signingHistory } from '../../../node/adapters/postgres/signing-history.ts'
import { countingKey, slot } from '../../compliance/signing-slots.ts'
import { noMetrics, recordingLog } from './support.ts'

const [url = '', schema = '', count = '0'] = process.argv.slice(2)
const database = await openDatabase(
  { url, schema, applicationName: 'rival' },
  { log: recordingLog(), metrics: noMetrics },
)
const signer = signingHistory({ database, metrics: noMetrics }).guard(countingKey('k'))
process.stdout.write('ready\n')
// Backwards: both sides get some.
for (let i = Number(count) - 1; i >= 0; i--) {
  try {
    await signer.sign(slot(1n, 0n, `p${i}`), new TextEncoder().encode('theirs'))
    process.stdout.write(`p${i}\n`)
  } catch {
    // The other process has it.
  }
}
await database.close()
