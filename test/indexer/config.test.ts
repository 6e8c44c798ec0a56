import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'
import type { z } from 'zod'
import { type indexerConfigSchema, readIndexerConfig } from '../../indexer/config.ts'
import { onThisMachine, rpcEntries, sourcesOf } from '../../indexer/sources.ts'
import type { IndexerConfig } from '../../node/adapters/ponder/indexer-config.ts'

const pool = `0x${'Ab'.repeat(20)}` as const
const other = `0x${'0a'.repeat(20)}` as const
const valid: IndexerConfig = {
  chains: [
    { id: 1, name: 'one', rpc: ['https://rpc.example/v2/key'] },
    { id: 2, name: 'two', rpc: ['http://127.0.0.1:8545', 'http://localhost:8546'], pollingIntervalMs: 250 },
  ],
  contracts: [
    { kind: 'pool', chainId: 2, address: pool, startBlock: 9 },
    { kind: 'pool', chainId: 2, address: other, startBlock: 4 },
  ],
}
let directory: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'iyi-indexer-config-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

function read(config: unknown) {
  const path = join(directory, 'indexer.json')
  writeFileSync(path, typeof config === 'string' ? config : JSON.stringify(config))
  return readIndexerConfig(path)
}

describe("the indexer's configuration", () => {
  it('is what the node writes', () => {
    expectTypeOf<IndexerConfig['chains'][number]['id']>().toEqualTypeOf<number>()
    expectTypeOf<z.output<typeof indexerConfigSchema>>().toExtend<IndexerConfig>()
    expect(read(valid).contracts.map(({ address }) => address)).toEqual([pool.toLowerCase(), other])
  })

  it.each([
    ['no JSON', '{', /Give a readable JSON file/],
    ['no chain', { ...valid, chains: [], contracts: [] }, /chains/],
    ['an unknown key', { ...valid, databse: 1 }, /databse/],
    [
      'an address of 19 bytes',
      { ...valid, contracts: [{ ...valid.contracts[0], address: '0x12' }] },
      /20-byte/,
    ],
    [
      'a contract of another chain',
      { ...valid, contracts: [{ ...valid.contracts[0], chainId: 3 }] },
      /3 is not one of/,
    ],
    [
      'a contract twice',
      { ...valid, contracts: [valid.contracts[0], valid.contracts[0]] },
      /listed twice on chain 2/,
    ],
    [
      'a chain twice',
      { ...valid, chains: [valid.chains[0], valid.chains[1], valid.chains[0]] },
      /1 is listed twice/,
    ],
    [
      'a provider that is no URL',
      { ...valid, chains: [{ id: 2, name: 'two', rpc: ['file:///etc'] }] },
      /rpc/,
    ],
    [
      'too eager polling',
      { ...valid, chains: [{ ...valid.chains[1], pollingIntervalMs: 10 }] },
      /pollingIntervalMs/,
    ],
  ])('refuses %s and says where', (_, config, message) => {
    expect(() => read(config)).toThrow(message)
  })

  it('takes one address under two kinds: each has handlers of its own', () => {
    const [first] = valid.contracts
    const both = [
      { ...first, kind: 'pool' },
      { ...first, kind: 'feed' },
      { ...first, kind: 'ocr2' },
    ]
    expect(read({ ...valid, contracts: both }).contracts).toHaveLength(3)
  })

  it('names the variable that is not set', () => {
    expect(() => readIndexerConfig(undefined)).toThrow(/IYI_INDEXER_CONFIG/)
  })
})

describe('sources', () => {
  it('gives each kind its chains, with the earliest start and sorted addresses', () => {
    const config = read(valid)
    expect(sourcesOf(config, 'pool')).toEqual({
      two: { address: [other, pool.toLowerCase()], startBlock: 4 },
    })
    expect(sourcesOf(config, 'feed')).toEqual({})
  })

  it('repeats loopback providers, and others as often as the operator says', () => {
    const entries = rpcEntries([
      'http://127.0.0.1:8545',
      'https://rpc.example',
      { url: 'http://10.0.0.1', requestsPerSecond: 200 },
      { url: 'http://localhost:1', requestsPerSecond: 20 },
    ])
    const times = (of: string) => entries.filter((url) => url === of).length
    expect(times('http://127.0.0.1:8545')).toBe(16)
    expect(times('https://rpc.example')).toBe(1)
    expect(times('http://10.0.0.1')).toBe(10)
    expect(times('http://localhost:1')).toBe(1)
    expect(['http://[::1]:1', 'http://localhost:1', 'http://127.9.9.9'].every(onThisMachine)).toBe(true)
    expect(
      ['http://127.0.0.1.example', 'http://10.0.0.1', 'https://localhost.example'].some(onThisMachine),
    ).toBe(false)
  })
})
