import { describe, expect, test } from 'vitest'
import { presetNames } from '../../node/config/presets.ts'
import { redact } from '../../node/config/redact.ts'
import { faultsOf, parse, paths } from './config-cases.ts'

const rpc = ['https://a.example/v2/KEY', 'https://b.example']
const chainOf = (chain: object) => parse({ chains: [chain] }).config.chains[0]

describe('presets', () => {
  test.each(presetNames)('%s needs nothing but its providers', (preset) => {
    const chain = chainOf({ preset, rpc })
    expect(chain).toMatchObject({ preset, name: preset, finality: 'finalized', agreement: 2 })
    expect(chain?.id).toBeGreaterThan(0)
    expect(chain?.pollingIntervalMs).toBeGreaterThanOrEqual(500)
    expect(chain?.multicall).toMatch(/^0xcA11/)
  })

  test('ids are those of the chains', () => {
    expect(presetNames.map((preset) => [preset, chainOf({ preset, rpc })?.id])).toEqual([
      ['ethereum', 1],
      ['bnb', 56],
      ['polygon', 137],
      ['arbitrum', 42_161],
      ['optimism', 10],
      ['base', 8_453],
      ['avalanche', 43_114],
    ])
  })

  test('give way to what is set, except for the id', () => {
    const changes = { name: 'l1', confirmations: 3, finality: { depth: 7 }, pollingIntervalMs: 100 }
    expect(chainOf({ preset: 'ethereum', id: 1, rpc, ...changes })).toMatchObject({ id: 1, ...changes })
    expect(paths(faultsOf({ chains: [{ preset: 'ethereum', id: 5, rpc }] }))).toEqual(['chains.0.id'])
    expect(paths(faultsOf({ chains: [{ preset: 'etherum', rpc }] }))).toEqual(['chains.0.preset'])
  })

  test('two of one are one too many', () => {
    expect(
      paths(
        faultsOf({
          chains: [
            { preset: 'base', rpc },
            { preset: 'base', name: 'other', rpc },
          ],
        }),
      ),
    ).toEqual(['chains'])
  })
})

describe('agreement', () => {
  const agreement = (entries: readonly unknown[], k?: number) =>
    chainOf({ preset: 'base', rpc: entries, ...(k === undefined ? {} : { agreement: k }) })?.agreement

  test('is of two where there are two hosts, and of one otherwise', () => {
    expect(agreement(['https://a.example'])).toBe(1)
    expect(agreement(['https://a.example/1', 'https://a.example:8443/2'])).toBe(1)
    expect(agreement(['https://a.example', 'https://b.example', 'https://c.example'])).toBe(2)
    expect(agreement(['http://127.0.0.1:1', 'http://localhost:2'])).toBe(1)
  })

  test('never asks for more parties than there are', () => {
    const faults = (entries: readonly unknown[], k: number) =>
      paths(faultsOf({ chains: [{ preset: 'base', rpc: entries, agreement: k }] }))
    expect(faults(['https://a.example/1', 'https://a.example/2'], 2)).toEqual(['chains.0.agreement'])
    expect(faults(['https://a.example', 'https://b.example'], 3)).toEqual(['chains.0.agreement'])
    expect(faults(['https://a.example'], 0)).toEqual(['chains.0.agreement'])
    expect(agreement(['https://a.example', 'https://b.example'], 1)).toBe(1)
    // One's own proxies may stand for several.
    expect(agreement(['http://127.0.0.1:1', 'http://127.0.0.1:2'], 2)).toBe(2)
  })
})

describe('providers', () => {
  const entry = {
    url: 'https://a.example/v2/KEY',
    weight: 3,
    ws: 'wss://a.example/ws/KEY',
    requestsPerSecond: 25,
  }

  test('may say what they may be asked; keys inside are masked', () => {
    const { config } = parse({ chains: [{ preset: 'base', rpc: [entry, 'https://b.example'] }] })
    expect(config.chains[0]?.rpc).toEqual([entry, 'https://b.example'])
    expect(JSON.stringify(redact(config))).not.toContain('KEY')
    expect(redact(config).chains[0]?.rpc[0]).toMatchObject({ weight: 3, url: 'https://a.example/v2/***' })
  })

  test.each([
    { url: 'ftp://a' },
    { url: 'https://a.example', weight: 0 },
    { url: 'https://a.example', ws: 'https://a.example' },
    { url: 'https://a.example', requestsPerSecond: -1 },
    { url: 'https://a.example', wieght: 1 },
    {},
    7,
  ])('refuses %j', (bad) => {
    const found = paths(faultsOf({ chains: [{ preset: 'base', rpc: ['https://b.example', bad] }] }))
    expect(found).toHaveLength(1)
    expect(found[0]).toMatch(/^chains\.0\.rpc\.1/)
  })

  test('come from the environment too', () => {
    const env = {
      IYI_CHAINS__0__RPC: 'https://k1.example,https://k2.example',
      IYI_CHAINS__0__FINALITY: '{depth: 9}',
    }
    const { config } = parse({ chains: [{ preset: 'base', rpc: ['https://b.example'] }] }, env)
    expect(config.chains[0]).toMatchObject({
      rpc: ['https://k1.example', 'https://k2.example'],
      finality: { depth: 9 },
    })
  })
})

test.each([{ finality: 'latest' }, { finality: { depth: 0 } }, { multicall: '0x12' }])(
  'refuses %j',
  (bad) => {
    expect(faultsOf({ chains: [{ preset: 'base', rpc, ...bad }] })).toHaveLength(1)
  },
)
