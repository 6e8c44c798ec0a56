// A process of its own that supervises an indexer until it is killed. Arguments: folder for its files, indexer.
import { join } from 'node:path'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { ponderSupervisor } from '../../../node/adapters/ponder/supervisor.ts'
import { recordingLogger, recordingMetrics } from './recorders.ts'

const [directory = '', root = ''] = process.argv.slice(2)
const supervisor = ponderSupervisor(
  {
    root,
    databaseUrl: 'postgres://node:x@127.0.0.1:1/iyi',
    config: { chains: [{ id: 1, name: 'one', rpc: ['http://127.0.0.1:1'] }], contracts: [] },
    configPath: join(directory, 'indexer.json'),
    schemaPrefix: 'iyi',
    viewsSchema: 'iyi_index',
    port: 42_101,
  },
  {
    clock: systemClock,
    log: recordingLogger(),
    metrics: recordingMetrics(),
    guard: { watch: () => {}, release: () => {} },
  },
)
await supervisor.start()
process.stdout.write(`${supervisor.pid()}\n`)
