// A node's outbox in a process of its own, to be killed: `relay-process.ts <database url> <schema> <nats url>`.
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { natsSink } from '../../../node/adapters/nats/nats-sink.ts'
import { openDatabase } from '../../../node/adapters/postgres/database.ts'
import { outboxEvents } from '../../../node/adapters/postgres/outbox-events.ts'
import { outboxMemory } from '../../../node/adapters/postgres/outbox-memory.ts'
import { outbox } from '../../../node/outbox/outbox.ts'
import { noMetrics, recordingLog } from '../postgres/support.ts'

const [, , databaseUrl = '', schema = '', url = ''] = process.argv
const log = recordingLog()
const database = await openDatabase(
  { url: databaseUrl, schema, applicationName: 'relay' },
  { log, metrics: noMetrics },
)
const sink = natsSink(
  { name: 'relay', servers: [url], stream: 'IYI', prefix: 'iyi', createStream: true },
  { log },
)
const sources = [outboxEvents({ stages: ['seen'], events: ['*'] }, { database })]
outbox(
  { pollMs: 20 },
  {
    targets: [{ name: 't', from: 'start', sink, sources }],
    memory: (target, source) => outboxMemory({ target, source }, { database }),
    ...{ clock: systemClock, log, metrics: noMetrics },
  },
).start()
