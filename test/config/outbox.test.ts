import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkOutbox } from '../../node/compose/check-outbox.ts'
import { redact } from '../../node/config/redact.ts'
import { faultsOf, minimal, parse, paths } from './config-cases.ts'

const nats = { servers: ['nats://127.0.0.1:4222'] }
const kafka = { brokers: ['127.0.0.1:9092'] }
const faults = (...outbox: readonly unknown[]) => paths(faultsOf({ ...minimal, outbox }))

test('a target has defaults, and absolute paths', () => {
  const { config } = parse({
    ...minimal,
    outbox: [
      { name: 'a', nats: { ...nats, credsFile: 'node.creds', caFile: '/etc/ca.pem' } },
      {
        name: 'b',
        kafka: { ...kafka, mechanism: 'plain', user: 'u', passwordFile: 'pw' },
        stages: ['final'],
      },
    ],
  })
  expect(config.outbox).toMatchObject([
    {
      ...{ stages: ['confirmed'], events: ['*'], from: 'start' },
      nats: { stream: 'IYI', subject: 'iyi', createStream: false, credsFile: '/srv/node/node.creds' },
    },
    { stages: ['final'], kafka: { topic: 'iyi.events', tls: false, passwordFile: '/srv/node/pw' } },
  ])
  expect(redact(config).outbox).toEqual(config.outbox)
})

test.each([
  [[{ name: 'a' }], 'outbox.0.nats'],
  [[{ name: 'a', nats, kafka }], 'outbox.0.nats'],
  [[{ name: 'A', nats }], 'outbox.0.name'],
  [
    [
      { name: 'a', nats },
      { name: 'a', kafka },
    ],
    'outbox',
  ],
  [[{ name: 'a', nats: { servers: ['nats://me:secret@127.0.0.1:4222'] } }], 'outbox.0.nats.servers.0'],
  [[{ name: 'a', nats: { ...nats, password: 'secret' } }], 'outbox.0.nats.password'],
  [[{ name: 'a', nats: { ...nats, user: 'u' } }], 'outbox.0.nats.passwordFile'],
  [[{ name: 'a', nats: { ...nats, credsFile: 'a', tokenFile: 'b' } }], 'outbox.0.nats.credsFile'],
  [[{ name: 'a', nats: { ...nats, certFile: 'a' } }], 'outbox.0.nats.keyFile'],
  [[{ name: 'a', kafka: { ...kafka, user: 'u', passwordFile: 'p' } }], 'outbox.0.kafka.mechanism'],
  [[{ name: 'a', nats, stages: [] }], 'outbox.0.stages'],
  [[{ name: 'a', nats, events: ['Swap'] }], 'outbox.0.events.0'],
])('%j is refused at %s', (outbox, path) => {
  expect(faults(...outbox)).toEqual([path])
  expect(JSON.stringify(faultsOf({ ...minimal, outbox }))).not.toContain('me:secret')
})

test('what a target names must be there', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'iyi-outbox-config-'))
  try {
    const passwordFile = join(dir, 'password')
    const outbox = [
      { name: 'a', nats: { ...nats, user: 'u', passwordFile }, events: ['pool.Swop', 'pool.*', 'nobody.*'] },
    ]
    const { config, source } = parse({ ...minimal, outbox })
    expect(() => checkOutbox(config, source)).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(
          /outbox\.0\.nats\.passwordFile[\s\S]*did you mean "pool.Swap"[\s\S]*nobody/,
        ),
      }),
    )
    await writeFile(passwordFile, 'x')
    const good = parse({
      ...minimal,
      outbox: [{ ...outbox[0], events: ['pool.*', 'feed.ReportTransmitted'] }],
    })
    checkOutbox(good.config, good.source)
    // A contract of the operator's own, when its events are told.
    const abi = join(dir, 'a.json')
    await writeFile(abi, JSON.stringify([{ type: 'event', name: 'Transfer', inputs: [] }]))
    const wide = ['custom.usdc.Transfer', 'custom.*', 'custom.usdc.*']
    const custom = (eventLog: boolean, events = wide) => {
      const contract = { name: 'usdc', chainId: 1, address: `0x${'ab'.repeat(20)}`, abi, eventLog }
      const value = { ...minimal, indexer: { contracts: [contract] }, outbox: [{ ...outbox[0], events }] }
      const parsed = parse(value)
      return () => checkOutbox(parsed.config, parsed.source)
    }
    custom(true)()
    expect(custom(false)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    expect(custom(true, ['custom.usdc.Transfr'])).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining('did you mean "custom.usdc.Transfer"'),
      }),
    )
  } finally {
    await rm(dir, { recursive: true })
  }
})
