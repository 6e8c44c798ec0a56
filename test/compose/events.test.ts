import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../node/adapters/clock/system.ts'
import { openDatabase } from '../../node/adapters/postgres/database.ts'
import { lockDatabase } from '../../node/adapters/postgres/database-lock.ts'
import { startEmbeddedPostgres } from '../../node/adapters/postgres/embedded.ts'
import { eventConsumers, eventDeadLetters, replayConsumer, retryEvents } from '../../node/compose/events.ts'
import { outboxDeadLetters, outboxStatus, replayTarget } from '../../node/compose/outbox-verbs.ts'
import { recoverIndex } from '../../node/compose/recover-index.ts'
import { parseConfig } from '../../node/config/load.ts'
import { freePort, noGuard, noMetrics, recordingLog } from '../adapters/postgres/support.ts'

let dir = ''
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'iyi-events-'))
})
afterAll(() => rm(dir, { recursive: true }))

const outside = { signal: new AbortController().signal, stderr: { write: () => {} } }

async function configOf() {
  const value = {
    name: 'mine',
    dataDir: dir,
    chains: [{ id: 1, name: 'nobody', rpc: ['http://127.0.0.1:1'] }],
    database: { port: await freePort() },
  }
  return parseConfig({ value, path: join(dir, 'iyi.yaml') }).config
}

test('the verbs of events work on the embedded database, with the node that runs it and without', async () => {
  const config = await configOf()
  const log = recordingLog()
  expect(await eventConsumers(config, outside)).toEqual([])
  const server = await startEmbeddedPostgres(
    { dataDir: join(dir, 'postgres'), port: config.database.port },
    { guard: noGuard, log },
  )
  const database = await openDatabase(
    { url: server.url, schema: config.database.schema, applicationName: 'node' },
    { log, metrics: noMetrics },
  )
  const lock = await lockDatabase({ onLost: () => {} }, { database, clock: systemClock, log })
  await database.query(`insert into event_consumer (consumer, chain_id, stage, seq) values ('c', 1, 2, 9)`)
  expect(await eventConsumers(config, outside)).toMatchObject([
    { consumer: 'c', stage: 'confirmed', seq: 9n },
  ])
  expect(await replayConsumer(config, { consumer: 'c', chainId: 1, fromBlock: 0n }, outside)).toEqual({
    notices: 0n,
  })
  await database.query(`insert into outbox_cursor (target, source, seq) values ('t', 'events', 9)`)
  expect(await outboxStatus(config, outside)).toMatchObject([{ target: 't', seq: 9n, deadLetters: 0 }])
  const from = { chainId: 1, block: 0n }
  expect(await replayTarget(config, { target: 't', source: 'events', from }, outside)).toEqual({ seq: 9n })
  expect(await outboxDeadLetters(config, { target: null }, outside)).toEqual([])
  for (const ask of [
    () => eventDeadLetters(config, { consumer: 'nobody' }, outside),
    () => retryEvents(config, { consumer: 'nobody', ids: null }, outside),
  ])
    await expect(ask()).rejects.toMatchObject({ message: expect.stringContaining('no consumer "nobody"') })
  // What must be alone is refused beside the node.
  await expect(recoverIndex(config, { chainId: 1 }, outside)).rejects.toMatchObject({
    code: 'POSTGRES_DIR_IN_USE',
  })
  await lock.release()
  await database.close()
  await server.stop()
  expect(await eventConsumers(config, outside)).toHaveLength(1)
  await expect(recoverIndex(config, { chainId: 2 }, outside)).rejects.toMatchObject({
    code: 'EVENTS_UNKNOWN',
  })
})
