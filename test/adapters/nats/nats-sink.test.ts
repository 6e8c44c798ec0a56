import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { type NatsSinkOptions, natsSink } from '../../../node/adapters/nats/nats-sink.ts'
import type { Database } from '../../../node/adapters/postgres/database.ts'
import {
  listOutbox,
  listOutboxLetters,
  retryOutboxLetters,
} from '../../../node/adapters/postgres/outbox-admin.ts'
import { outboxEvents } from '../../../node/adapters/postgres/outbox-events.ts'
import { outboxMemory } from '../../../node/adapters/postgres/outbox-memory.ts'
import { type Outbox, outbox } from '../../../node/outbox/outbox.ts'
import type { Stage } from '../../../node/ports/events.ts'
import type { OutboxMemory, OutboxMessage } from '../../../node/ports/outbox.ts'
import { describeWith } from '../../installed.ts'
import { eventRow } from '../postgres/chain-events.ts'
import { moveLog } from '../postgres/notices.ts'
import { noMetrics, recordingLog, type TestPostgres, testPostgres, until } from '../postgres/support.ts'
import { natsCredentials } from './nats-credentials.ts'
import { countStream, type NatsServer, natsOperator, natsServer, readStream } from './nats-server.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

describeWith('nats-server', 'NATS JetStream', (program) => {
  let postgres: TestPostgres
  let server: NatsServer
  let dir = ''
  const log = recordingLog()
  const running: { stop(): Promise<void> }[] = []

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'iyi-nats-test-'))
    postgres = await testPostgres()
    server = await natsServer(program)
    await server.start()
  })
  afterEach(async () => {
    await Promise.all(running.splice(0).map((each) => each.stop()))
  })
  afterAll(async () => {
    await server.dispose()
    await postgres.dispose()
    await rm(dir, { recursive: true, force: true })
  })

  const sinkOf = (over: Partial<NatsSinkOptions> & { readonly stream: string }) =>
    natsSink(
      {
        ...{ name: 'test', servers: [server.url], createStream: true },
        prefix: over.stream.toLowerCase(),
        ...over,
      },
      { log },
    )

  function start(
    database: Database,
    sink: ReturnType<typeof sinkOf>,
    over: { stages?: readonly Stage[]; memory?: (memory: OutboxMemory) => OutboxMemory } = {},
  ): Outbox {
    const { stages = ['seen'], memory: wrap = (memory) => memory } = over
    const sources = [outboxEvents({ stages, events: ['*'] }, { database })]
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

  /** Blocks with one event each, of two contracts in turn. */
  const rows = (from: number, to: number, text = '') =>
    Array.from({ length: to - from + 1 }, (_, at) => ({
      ...eventRow({ block: BigInt(from + at), logIndex: 0 }, 'pool.Swap', { text }),
      address: (at % 2 === 0 ? `0x${'ab'.repeat(20)}` : `0x${'cd'.repeat(20)}`) as `0x${string}`,
    }))
  const behind = async (database: Database) =>
    (await listOutbox(database, [outboxEvents({ stages: [], events: [] }, { database })]))[0]?.behind
  /** Every event once, and those of each contract in their order. */
  async function expectWhole(stream: string, count: number, url = server.url) {
    const stored = await readStream(url, stream)
    expect(stored).toHaveLength(count)
    expect(new Set(stored.map(({ id }) => id)).size).toBe(count)
    for (const lane of Map.groupBy(stored, ({ body }) => body.address).values()) {
      const blocks = lane.map(({ body }) => Number(body.blockNumber))
      expect(blocks).toEqual(blocks.toSorted((a, b) => a - b))
    }
  }

  it('gets every stage and each reversal, in order, under a subject of chain and event', async () => {
    const database = await postgres.database('n_stages')
    start(database, sinkOf({ stream: 'STAGES' }), { stages: ['seen', 'final'] })
    const odd = { text: '\u0000"\u2028', amount: (2n ** 256n - 1n).toString() }
    await moveLog(database, { added: [eventRow({ block: 1n, logIndex: 0 }, 'pool.Swap', odd)] })
    await moveLog(database, { added: [eventRow({ block: 2n, logIndex: 3 }, 'feed.ReportTransmitted')] })
    await moveLog(database, { final: 1n, reverted: [2n] })
    await until(async () => (await countStream(server.url, 'STAGES')) === 4)
    const stored = await readStream(server.url, 'STAGES')
    expect(stored.map(({ subject, body }) => `${subject} ${body.blockNumber} ${body.stage}`)).toEqual([
      'stages.1.pool.Swap 1 seen',
      'stages.1.feed.ReportTransmitted 2 seen',
      'stages.1.feed.ReportTransmitted 2 reverted',
      'stages.1.pool.Swap 1 final',
    ])
    expect(stored.map(({ id, body }) => id === body.key)).toEqual([true, true, true, true])
    expect(stored[0]?.body.data).toEqual(odd)
  })

  it('that was killed in the middle loses nothing and stores nothing twice', async () => {
    const own = await natsServer(program)
    await own.start()
    try {
      const database = await postgres.database('n_broker')
      await moveLog(database, { added: rows(1, 1_500) })
      const made = start(database, sinkOf({ stream: 'BROKER', servers: [own.url] }))
      await until(async () => (await countStream(own.url, 'BROKER')) > 300)
      await own.kill()
      await until(() => made.health().status === 'degraded')
      await own.start()
      await until(async () => (await behind(database)) === 0n, 30_000)
      await expectWhole('BROKER', 1_500, own.url)
      await until(() => made.health().status === 'ok')
    } finally {
      await own.dispose()
    }
  })

  it('gets all once from a relay whose process was killed, again and again', async () => {
    const database = await postgres.database('n_relay')
    await moveLog(database, { added: rows(1, 1_500) })
    const run = () =>
      spawn(
        process.execPath,
        [
          fileURLToPath(new URL('relay-process.ts', import.meta.url)),
          postgres.server.url,
          'n_relay',
          server.url,
        ],
        { stdio: 'ignore' },
      )
    for (const upTo of [100, 700, 1_500]) {
      const child = run()
      await until(async () => (await countStream(server.url, 'IYI')) >= upTo, 30_000)
      if (upTo === 1_500) await until(async () => (await behind(database)) === 0n)
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await expectWhole('IYI', 1_500)
  })

  it('recognises what it has where the node died between its answer and the cursor', async () => {
    const database = await postgres.database('n_between')
    await moveLog(database, { added: rows(1, 5) })
    const lost = Promise.withResolvers<never>()
    lost.promise.catch(() => {})
    const forgetful = start(database, sinkOf({ stream: 'BETWEEN' }), {
      memory: (memory) => ({ ...memory, save: () => lost.promise }),
    })
    await until(async () => (await countStream(server.url, 'BETWEEN')) === 5)
    expect(await behind(database)).toBe(5n)
    lost.reject(new TypeError('killed'))
    await forgetful.stop()
    start(database, sinkOf({ stream: 'BETWEEN' }))
    await until(async () => (await behind(database)) === 0n)
    await expectWhole('BETWEEN', 5)
  })

  it('may come up after the node', async () => {
    const own = await natsServer(program)
    try {
      const database = await postgres.database('n_late')
      await moveLog(database, { added: rows(1, 3) })
      const made = start(database, sinkOf({ stream: 'LATE', servers: ['nats://127.0.0.1:1', own.url] }))
      await until(() => made.health().status === 'degraded')
      expect(made.health()).toMatchObject({ reason: expect.stringContaining('does not answer') })
      await own.start()
      await until(async () => (await behind(database)) === 0n)
      await expectWhole('LATE', 3, own.url)
    } finally {
      await own.dispose()
    }
  })

  it('makes no stream unless it is told to, and says what is missing', async () => {
    const database = await postgres.database('n_missing')
    await moveLog(database, { added: rows(1, 2) })
    const made = start(database, sinkOf({ stream: 'MISSING', createStream: false }))
    await until(() => made.health().status === 'degraded')
    expect(made.health()).toMatchObject({ reason: expect.stringContaining('createStream') })
    const { manager, close } = await natsOperator(server.url)
    await manager.streams.add({ name: 'MISSING', subjects: ['missing.>'] })
    await close()
    await until(async () => (await behind(database)) === 0n)
    await expectWhole('MISSING', 2)
  })

  it('that refuses a message for its size gets the others, and that one once it may be so large', async () => {
    const database = await postgres.database('n_large')
    const { manager, close } = await natsOperator(server.url)
    const { config } = await manager.streams.add({
      name: 'LARGE',
      subjects: ['large.>'],
      max_msg_size: 2_000,
    })
    await moveLog(database, { added: [...rows(1, 3), ...rows(4, 4, 'x'.repeat(4_000)), ...rows(5, 6)] })
    await moveLog(database, { added: rows(7, 7, 'x'.repeat(2_000_000)) })
    start(database, sinkOf({ stream: 'LARGE' }))
    await until(async () => (await behind(database)) === 0n)
    await expectWhole('LARGE', 5)
    const letters = await listOutboxLetters(database, { target: 't' })
    expect(letters.map(({ seq, attempts }) => [seq, attempts])).toEqual([
      [4n, 2],
      [7n, 2],
    ])
    await manager.streams.update('LARGE', { ...config, max_msg_size: -1 })
    await retryOutboxLetters(database, { target: 't', ids: null })
    await until(async () => (await listOutboxLetters(database, { target: 't' }))[0]?.attempts === 3)
    expect(await countStream(server.url, 'LARGE')).toBe(6)
    await close()
  })

  const one: OutboxMessage = { seq: 1n, key: 'k', lane: 'l', subject: ['1', 'a'], headers: {}, body: {} }

  it('lets in who has the password or the token of a file, and nobody else', async () => {
    const secret = 'S3cret-word'
    const own = await natsServer(program, `authorization { user: node, password: "${secret}" }`)
    await own.start()
    try {
      const [good, bad] = [join(dir, 'good'), join(dir, 'bad')]
      await writeFile(good, `${secret}\n`)
      await writeFile(bad, 'other\n')
      const over = { stream: 'AUTH', servers: [own.url] }
      const wrong = sinkOf({ ...over, user: 'node', passwordFile: bad })
      const failure = await wrong.publish([one]).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'OUTBOX_UNAVAILABLE', retry: true })
      // The file is read again: a password that was corrected needs no restart.
      await writeFile(bad, `${secret}\n`)
      await wrong.publish([one])
      await wrong.close()
      await own.kill()
      own.configure(`authorization { token: "${secret}" }`)
      await own.start()
      const byToken = sinkOf({ ...over, tokenFile: good })
      await byToken.publish([{ ...one, key: 'second' }])
      await byToken.close()
      const nobody = sinkOf(over)
      await expect(nobody.publish([one])).rejects.toMatchObject({ code: 'OUTBOX_UNAVAILABLE' })
      await nobody.close()
      await expect(sinkOf({ ...over, tokenFile: join(dir, 'none') }).publish([one])).rejects.toMatchObject({
        code: 'OUTBOX_UNAVAILABLE',
      })
      expect(await readStream(own.url, 'AUTH', { token: secret })).toHaveLength(2)
      expect(inspect([failure, log.lines], { depth: null, showHidden: true })).not.toContain(secret)
    } finally {
      await own.dispose()
    }
  })

  it('lets in who has a credentials file', async () => {
    const creds = join(dir, 'node.creds')
    const { config, text } = natsCredentials()
    await writeFile(creds, text)
    const own = await natsServer(program, config)
    await own.start()
    try {
      const sink = sinkOf({ stream: 'CREDS', servers: [own.url], credsFile: creds })
      await sink.publish([one])
      // A server that went away while nobody published costs no failure.
      await own.kill()
      await own.start()
      await sink.publish([{ ...one, key: 'second' }])
      await sink.close()
      await expect(sinkOf({ stream: 'CREDS', servers: [own.url] }).publish([one])).rejects.toMatchObject({
        code: 'OUTBOX_UNAVAILABLE',
      })
    } finally {
      await own.dispose()
    }
  })

  it('is believed only with a certificate of the authority that was named', async () => {
    const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')]
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
      ...['-keyout', key, '-out', cert, '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'],
    ])
    expect(made.status).toBe(0)
    const own = await natsServer(program, `tls { cert_file: "${cert}", key_file: "${key}" }`)
    await own.start()
    try {
      const url = `nats://localhost:${own.port}`
      const over = { stream: 'TLS', servers: [url] }
      const trusting = sinkOf({ ...over, caFile: cert })
      await trusting.publish([one])
      await trusting.close()
      for (const stranger of [sinkOf({ ...over, servers: [url.replace('nats', 'tls')] }), sinkOf(over)]) {
        await expect(stranger.publish([one])).rejects.toMatchObject({ code: 'OUTBOX_UNAVAILABLE' })
        await stranger.close()
      }
      // Nor does it fall back to an open connection where the server has no certificate.
      const plain = sinkOf({ stream: 'PLAIN', caFile: cert })
      await expect(plain.publish([one])).rejects.toMatchObject({ code: 'OUTBOX_UNAVAILABLE' })
      await plain.close()
    } finally {
      await own.dispose()
    }
  })
})
