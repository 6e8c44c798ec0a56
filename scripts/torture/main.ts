// Storms over the real node: `npm run torture -- --help`.
import { startPostgres } from '../../test/adapters/ponder/fixture.ts'
import { reorgStorm } from './reorg/storm.ts'

const s = await startPostgres()
const [from = '1', n = '1', steps = '60'] = process.argv.slice(2)
const { outcomeLine } = await import('./report.ts')
for (let i = 0; i < Number(n); i++) {
  try {
    process.stdout.write(
      outcomeLine(await reorgStorm({ seed: Number(from) + i, server: s.url, steps: Number(steps) })) + '\n',
    )
  } catch (e) {
    process.stderr.write(String(e) + '\n')
  }
}
await s.stop()
