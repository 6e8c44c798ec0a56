// A process of its own that supervises an indexer until it is killed. Arguments: folder for its files, indexer.
import { join } from 'node:path'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { ponderRunner } from '../../../node/adapters/ponder/runner.ts'
import { recordingLogger, recordingMetrics } from './recorders.ts'

const [directory = '', root = ''] = process.argv.slice(2)
const runner = ponderRunner(
  {
    root,
    databaseUrl: 'postgres://node:x@127.0.0.1:1/iyi',
    config: { chains: [{ id: 1, name: 'one', rpc: ['http://127.0.0.1:1'] }], contracts: [] },
    configPath: join(directory, 'indexer.json'),
    schema: 'iyi_000000000000',
    port: 42_101,
  },
  {
    clock: systemClock,
    log: recordingLogger(),
    restarts: recordingMetrics().counter({ name: 'restarts', help: '' }),
    guard: { watch: () => {}, release: () => {} },
  },
)
await runner.start()
process.stdout.write(`${runner.pid()}\n`)
