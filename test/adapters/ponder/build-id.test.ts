import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { indexSchema, programFiles } from '../../../node/adapters/ponder/build-id.ts'
import type { IndexerConfig } from '../../../node/adapters/ponder/indexer-config.ts'
import { repository } from './fixture.ts'

const address = `0x${'Ab'.repeat(20)}` as const
const config: IndexerConfig = {
  chains: [
    { id: 1, name: 'one', rpc: ['https://a.example'] },
    { id: 2, name: 'two', rpc: ['https://b.example'], pollingIntervalMs: 500 },
  ],
  contracts: [
    { kind: 'pool', chainId: 1, address, startBlock: 1 },
    { kind: 'feed', chainId: 2, address, startBlock: 2 },
  ],
}
let copy: string

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'iyi-build-id-'))
  for (const part of ['indexer', 'contracts/abi', 'node/ports']) {
    cpSync(join(repository, part), join(copy, part), {
      recursive: true,
      filter: (path) => !path.includes('.ponder'),
    })
  }
})
afterAll(() => rmSync(copy, { recursive: true }))

function schemaOf(change: Partial<Parameters<typeof indexSchema>[0]> = {}): string {
  return indexSchema({
    prefix: 'iyi',
    root: join(copy, 'indexer'),
    ponderVersion: '0.17.7',
    config,
    ...change,
  })
}

describe('the schema of a build', () => {
  it('depends on the program wherever it lies, and on what is indexed', () => {
    const schema = schemaOf()
    expect(schema).toMatch(/^iyi_[0-9a-f]{12}$/)
    expect(schemaOf({ root: join(repository, 'indexer') })).toBe(schema)
    const [chain] = config.chains
    if (chain === undefined) throw new Error('no chain')
    for (const change of [
      { ponderVersion: '0.17.8' },
      { config: { ...config, contracts: config.contracts.slice(1) } },
      { config: { ...config, chains: [...config.chains, { ...chain, id: 3, name: 'three' }] } },
      { identities: ['1:0xgenesis'] },
    ]) {
      expect(schemaOf(change)).not.toBe(schema)
    }
  })

  it('stays when providers, polling or the order of the configuration change', () => {
    const chains = [...config.chains]
      .reverse()
      .map((chain) => ({ ...chain, rpc: ['https://c.example/key'], pollingIntervalMs: 100 }))
    expect(schemaOf({ config: { chains, contracts: [...config.contracts].reverse() } })).toBe(schemaOf())
  })

  it('changes with every file that runs, the ABIs among them', () => {
    const files = programFiles(join(copy, 'indexer')).map((file) => relative(copy, file))
    expect(files).toEqual(
      expect.arrayContaining([
        'contracts/abi/ConstantProductPool.ts',
        'indexer/config.ts',
        'indexer/ponder.schema.ts',
        'indexer/src/head.ts',
        'indexer/src/reducers/pool.ts',
      ]),
    )
    expect(files).not.toContain('contracts/abi/TestToken.ts')
    const before = schemaOf()
    writeFileSync(join(copy, 'contracts/abi/OracleFeed.ts'), 'export const oracleFeedAbi = [] as const\n')
    expect(schemaOf()).not.toBe(before)
  })

  it('refuses a prefix that makes no schema name', () => {
    for (const prefix of ['Iyi', 'a-b', '', 'x'.repeat(40)]) {
      if (prefix === '') expect(schemaOf({ prefix: '_' })).toMatch(/^__/)
      else expect(() => schemaOf({ prefix })).toThrow(expect.objectContaining({ code: 'INDEX_BAD_OPTIONS' }))
    }
  })
})
