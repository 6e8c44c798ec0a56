import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, afterEach, beforeAll, expect, it, test, vi } from 'vitest'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { meaningOf } from '../../../node/adapters/kafka/failures.ts'
import { type KafkaSinkOptions, kafkaSink } from '../../../node/adapters/kafka/kafka-sink.ts'
import type { Database } from '../../../node/adapters/postgres/database.ts'
import { listOutbox } from '../../../node/adapters/postgres/outbox-admin.ts'
import { outboxEvents } from '../../../node/adapters/postgres/outbox-events.ts'
import { outboxMemory } from '../../../node/adapters/postgres/outbox-memory.ts'
import { type Outbox, outbox } from '../../../node/outbox/outbox.ts'
import type { OutboxMemory, OutboxMessage } from '../../../node/ports/outbox.ts'
import { describeWith } from '../../installed.ts'
import { eventRow } from '../postgres/chain-events.ts'
import { moveLog } from '../postgres/notices.ts'
import { noMetrics, recordingLog, type TestPostgres, testPostgres, until } from '../postgres/support.ts'
import { guardedBroker } from './guarded-broker.ts'
import { type MockCluster, mockCluster } from './mock-cluster.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const one: OutboxMessage = { seq: 1n, key: 'k', lane: 'l', subject: ['1', 'a'], headers: {}, body: {} }

describeWith('kcat', 'Kafka', (kcat) => {
  let postgres: TestPostgres
  let cluster: MockCluster
  let dir = ''
  const log = recordingLog()
  const running: { stop(): Promise<void> }[] = []

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'iyi-kafka-test-'))
    postgres = await testPostgres()
    cluster = await mockCluster(kcat)
  })
  afterEach(async () => {
    await Promise.all(running.splice(0).map((each) => each.stop()))
  })
  afterAll(async () => {
    await cluster.stop()
    await postgres.dispose()
    await rm(dir, { recursive: true, force: true })
  })

  const sinkOf = (over: Partial<KafkaSinkOptions> & { readonly topic: string }) =>
    kafkaSink({ name: 'test', brokers: [cluster.broker], createTopic: true, tls: false, ...over }, { log })

  function start(
    database: Database,
    sink: ReturnType<typeof sinkOf>,
    wrap: (memory: OutboxMemory) => OutboxMemory = (memory) => memory,
  ): Outbox {
    const sources = [outboxEvents({ stages: ['seen', 'final'], events: ['*'] }, { database })]
    const made = outbox(
      { attempts: 2, pollMs: 10 },
      {
        targets: [{ name: 't', from: 'start', sink, sources }],
        memory: (target, source) => wrap(outboxMemory({ target, source }, { database })),
        ...{ clock: systemClock, log, metrics: noMetrics },
      },
    )
    running.push(made)
    made.start()
    return made
  }

  /** Blocks with one event each, of five contracts in turn. */
  const rows = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, at) => ({
      ...eventRow({ block: BigInt(from + at), logIndex: 0 }, 'pool.Swap', { text: '\u0000"' }),
      address: `0x${String(at % 5).repeat(40)}` as `0x${string}`,
    }))
  const behind = async (database: Database) =>
    (await listOutbox(database, [outboxEvents({ stages: [], events: [] }, { database })]))[0]?.behind

  it('keeps the events of one contract in one partition and in order', async () => {
    const database = await postgres.database('k_order')
    start(database, sinkOf({ topic: 'order' }))
    await moveLog(database, { added: rows(1, 1_200) })
    await moveLog(database, { final: 3n, reverted: [1_200n] })
    await until(async () => (await behind(database)) === 0n)
    const consumed = await cluster.read('order')
    expect(consumed).toHaveLength(1_204)
    expect(new Set(consumed.map(({ headers }) => headers['iyi-key'])).size).toBe(1_204)
    const lanes = [...Map.groupBy(consumed, ({ key }) => key).values()]
    expect(lanes).toHaveLength(5)
    expect(new Set(consumed.map(({ partition }) => partition)).size).toBeGreaterThan(1)
    for (const lane of lanes) {
      expect(new Set(lane.map(({ partition }) => partition)).size).toBe(1)
      const seqs = lane.toSorted((a, b) => a.offset - b.offset).map(({ body }) => Number(body.seq))
      expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
    }
    const [first] = consumed.filter(({ body }) => body.stage === 'reverted')
    expect(first).toMatchObject({
      key: `1-0x${'4'.repeat(40)}`,
      headers: { 'iyi-key': first?.body.key, 'iyi-stage': 'reverted', 'iyi-subject': '1.pool.Swap' },
      body: { version: 1, blockNumber: '1200', data: { text: '\u0000"' } },
    })
  })

  it('is told again, under the same keys, what it had acknowledged when the node died', async () => {
    const database = await postgres.database('k_between')
    await moveLog(database, { added: rows(1, 10) })
    const lost = Promise.withResolvers<never>()
    lost.promise.catch(() => {})
    const forgetful = start(database, sinkOf({ topic: 'between' }), (memory) => ({
      ...memory,
      save: () => lost.promise,
    }))
    await until(async () => (await cluster.read('between').catch(() => [])).length === 10)
    lost.reject(new TypeError('killed'))
    await forgetful.stop()
    start(database, sinkOf({ topic: 'between' }))
    await until(async () => (await behind(database)) === 0n)
    const keys = (await cluster.read('between')).map(({ headers }) => headers['iyi-key'])
    expect([keys.length, new Set(keys).size]).toEqual([20, 10])
  })

  it('that stands still for a while loses nothing', async () => {
    const database = await postgres.database('k_pause')
    const made = start(database, sinkOf({ topic: 'pause', timeoutMs: 500 }))
    await moveLog(database, { added: rows(1, 50) })
    await until(async () => (await behind(database)) === 0n)
    cluster.pause()
    try {
      await moveLog(database, { added: rows(51, 300) })
      await until(() => made.health().status === 'degraded', 30_000)
      expect(await behind(database)).toBe(250n)
    } finally {
      cluster.resume()
    }
    await until(async () => (await behind(database)) === 0n, 30_000)
    await until(() => made.health().status === 'ok')
    const consumed = await cluster.read('pause')
    expect(new Set(consumed.map(({ headers }) => headers['iyi-key'])).size).toBe(300)
  })

  it("takes the messages of two relays at once over one producer, and the failure of one is not the other's", async () => {
    const opened = () => log.lines.filter(({ message }) => message === 'Open a producer of Kafka').length
    const before = opened()
    const sink = sinkOf({ topic: 'shared' })
    running.push({ stop: () => sink.close() })
    const publish = (key: string, body: OutboxMessage['body'] = {}) =>
      sink.publish([{ ...one, key, lane: key, body }])
    await Promise.all(['a', 'b', 'c'].map((key) => publish(key)))
    expect(opened() - before).toBe(1)
    // What JSON has no form for fails by itself, before anything is sent.
    const odd = 1n as unknown as OutboxMessage['body']
    const results = await Promise.allSettled([publish('d'), publish('odd', odd), publish('e')])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    const keys = (await cluster.read('shared')).map(({ headers }) => headers['iyi-key'])
    expect(keys.toSorted()).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  it('that is closed while it opens leaves no producer behind', async () => {
    const sink = sinkOf({ topic: 'closing' })
    const publishing = sink.publish([one]).catch((error: unknown) => error)
    const waiting = sink.publish([one]).catch((error: unknown) => error)
    await sink.close()
    expect([await publishing, await waiting]).toMatchObject([
      { code: 'OUTBOX_CLOSED' },
      { code: 'OUTBOX_CLOSED' },
    ])
  })

  it('with encryption and logins lets in who has the password, and is believed by its certificate', async () => {
    const [keyFile, certFile] = [join(dir, 'key.pem'), join(dir, 'cert.pem')]
    const made = spawnSync('openssl', [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ],
      ...[
        '-keyout',
        keyFile,
        '-out',
        certFile,
        '-subj',
        '/CN=broker',
        '-addext',
        'subjectAltName=IP:127.0.0.1',
      ],
    ])
    expect(made.status).toBe(0)
    const [key, cert] = [await readFile(keyFile), await readFile(certFile)]
    const account = { user: 'node', password: 'S3cret-word' }
    const guarded = await guardedBroker({ broker: cluster.broker, key, cert, ...account })
    const [good, bad] = [join(dir, 'good'), join(dir, 'bad')]
    await writeFile(good, `${account.password}\n`)
    await writeFile(bad, 'other\n')
    const login = { user: account.user, passwordFile: good, caFile: certFile, brokers: [guarded.broker] }
    const publish = async (over: Partial<KafkaSinkOptions>, keys: readonly string[]) => {
      const sink = sinkOf({ topic: 'guarded', timeoutMs: 2_000, ...login, ...over })
      try {
        await sink.publish(keys.map((each) => ({ ...one, key: each })))
      } finally {
        await sink.close()
      }
    }
    try {
      for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
        await publish({ mechanism }, [mechanism])
        const failure = await publish({ mechanism, passwordFile: bad }, ['never']).catch(
          (error: unknown) => error,
        )
        expect(failure).toMatchObject({
          code: 'OUTBOX_UNAVAILABLE',
          message: expect.stringContaining('user and password'),
        })
        expect(inspect([failure, log.lines], { depth: 8, showHidden: true })).not.toContain(account.password)
      }
      await expect(
        publish({ mechanism: 'plain', caFile: undefined, tls: true }, ['never']),
      ).rejects.toMatchObject({
        code: 'OUTBOX_UNAVAILABLE',
        message: expect.stringContaining('certificate'),
      })
      expect(new Set(guarded.logins)).toEqual(new Set(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']))
      const keys = (await cluster.read('guarded')).map(({ headers }) => headers['iyi-key'])
      expect(keys).toEqual(['plain', 'scram-sha-256', 'scram-sha-512'])
    } finally {
      guarded.stop()
    }
  })

  it('that is not there, or wants no logins, is told apart from a refusal, without the password', async () => {
    const passwordFile = join(dir, 'password')
    await writeFile(passwordFile, 'S3cret-word\n')
    const login = { mechanism: 'scram-sha-256', user: 'node', passwordFile } as const
    for (const over of [{ brokers: ['127.0.0.1:1'] }, login, { tls: true }]) {
      const sink = sinkOf({ topic: 'none', timeoutMs: 500, ...over })
      const failure = await sink.publish([one]).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'OUTBOX_UNAVAILABLE', retry: true })
      expect(inspect([failure, log.lines], { depth: 8, showHidden: true })).not.toContain('S3cret-word')
      await sink.close()
    }
  })
})

test('what Kafka says of a record is a refusal, of a topic a thing to mend', () => {
  const said = (apiId: string) =>
    new AggregateError([Object.assign(new TypeError('as the library says it'), { apiId })], 'several')
  const at = { topic: 't', key: 'k' }
  for (const id of ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD'])
    expect(meaningOf(new TypeError('outer', { cause: said(id) }), at)).toMatchObject({
      code: 'OUTBOX_REFUSED',
    })
  expect(meaningOf(said('UNKNOWN_TOPIC_OR_PARTITION'), at)).toMatchObject({
    code: 'OUTBOX_UNAVAILABLE',
    message: expect.stringContaining('createTopic'),
  })
  expect(meaningOf('odd', at)).toMatchObject({ code: 'OUTBOX_UNAVAILABLE', retry: true })
})
