import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { mergeContracts } from '../../../node/kernel/parse-configs.ts'
import { oracleConfig } from '../../../plugins/oracle/config.ts'
import oracle from '../../../plugins/oracle/index.ts'
import { FEED_ADDRESS, HOME, POOL_HOME } from './kit.ts'

const pool = {
  chainId: HOME,
  address: POOL_HOME,
  startBlock: 9,
  base: 'token0',
  baseDecimals: 18,
  quoteDecimals: 6,
}
const feed = {
  id: 'price',
  decimals: 8,
  contract: { chainId: HOME, address: FEED_ADDRESS.toLowerCase() },
  source: { kind: 'pool-price', pools: [pool] },
}
const second = { ...feed, id: 'other', contract: { chainId: HOME, address: `0x${'22'.repeat(20)}` } }

function faults(config: unknown): string[] {
  const result = oracleConfig.safeParse(config)
  return result.success ? [] : result.error.issues.map((issue) => issue.path.join('.')).sort()
}

describe('schema', () => {
  test('defaults', () => {
    expect(oracleConfig.parse({})).toEqual({
      ...{ feeds: [], inference: [] },
      inputs: { accept: true, keepMinutes: 10, keepAnsweredHours: 24, perMinute: 60 },
    })
    const [parsed] = oracleConfig.parse({ feeds: [feed] }).feeds
    expect(parsed).toMatchObject({
      description: '',
      contract: { address: FEED_ADDRESS, startBlock: 0, kind: 'feed' },
      source: { maxChainLagSeconds: 600, maxDivergencePpm: 100_000 },
    })
    const model = { ...feed, source: { kind: 'model', model: 'volatility', pools: [pool] } }
    expect(oracleConfig.parse({ feeds: [model] }).feeds[0]?.source).toMatchObject({ minTradedBars: 10 })
  })

  test.each([
    ['unknown key', { feeds: [], speed: 1 }, ['']],
    ['bad id', { feeds: [{ ...feed, id: 'Price' }] }, ['feeds.0.id']],
    ['bad decimals', { feeds: [{ ...feed, decimals: 19 }] }, ['feeds.0.decimals']],
    [
      'no pools',
      { feeds: [{ ...feed, source: { kind: 'pool-price', pools: [] } }] },
      ['feeds.0.source.pools'],
    ],
    [
      'unknown kind',
      { feeds: [{ ...feed, source: { kind: 'vote', pools: [pool] } }] },
      ['feeds.0.source.kind'],
    ],
    [
      'no model',
      { feeds: [{ ...feed, source: { kind: 'model', pools: [pool] } }] },
      ['feeds.0.source.model'],
    ],
    [
      'a key of the other kind',
      { feeds: [{ ...feed, source: { ...feed.source, minTradedBars: 3 } }] },
      ['feeds.0.source'],
    ],
    ['bad address', { feeds: [feed], registry: { chainId: HOME, address: '0x12' } }, ['registry.address']],
    ['same id twice', { feeds: [feed, { ...second, id: 'price' }] }, ['feeds.1.id']],
    [
      'unknown kind of contract',
      { feeds: [{ ...feed, contract: { ...feed.contract, kind: 'aggregator' } }] },
      ['feeds.0.contract.kind'],
    ],
    [
      'a model for a contract that names none',
      {
        feeds: [
          {
            ...feed,
            contract: { ...feed.contract, kind: 'ocr2' },
            source: { kind: 'model', model: 'volatility', pools: [pool] },
          },
        ],
      },
      ['feeds.0.contract.kind'],
    ],
    [
      'a vector without a model',
      { feeds: [{ ...feed, contract: { ...feed.contract, kind: 'vector' } }] },
      ['feeds.0.source.kind'],
    ],
    [
      'a mirror that is the feed’s own contract',
      { feeds: [{ ...feed, mirrors: [feed.contract] }] },
      ['feeds.0.mirrors.0'],
    ],
    [
      'a mirror of two feeds',
      {
        feeds: [{ ...feed, mirrors: [second.contract] }, second],
      },
      ['feeds.1.contract'],
    ],
    [
      'one contract as both kinds',
      { feeds: [feed, { ...feed, id: 'other', contract: { ...feed.contract, kind: 'ocr2' } }] },
      ['feeds.1.contract'],
    ],
    ['same contract twice', { feeds: [feed, { ...feed, id: 'other' }] }, ['feeds.1.contract']],
    [
      'same pool twice',
      { feeds: [{ ...feed, source: { ...feed.source, pools: [pool, { ...pool, base: 'token1' }] } }] },
      ['feeds.0.source.pools.1'],
    ],
  ])('%s', (_name, config, paths) => {
    expect(faults(config)).toEqual(paths)
  })

  test('every fault at once', () => {
    expect(faults({ feeds: [{ ...feed, id: '', decimals: -1 }] })).toEqual(['feeds.0.decimals', 'feeds.0.id'])
  })
})

test('a pool of two feeds is indexed once, from its earliest block', () => {
  const early = {
    ...second,
    contract: { ...second.contract, kind: 'ocr2' },
    source: { kind: 'pool-price', pools: [{ ...pool, startBlock: 4 }] },
  }
  const config = oracleConfig.parse({
    feeds: [feed, early],
    registry: { chainId: HOME, address: `0x${'33'.repeat(20)}`, startBlock: 2 },
  })
  const contracts = mergeContracts([oracle.contracts?.(config) ?? []])
  expect(contracts.map(({ kind, startBlock }) => [kind, startBlock])).toEqual([
    ['feed', 0],
    ['pool', 4],
    ['ocr2', 0],
    ['registry', 2],
  ])
})

test('the README’s example is a valid configuration', () => {
  const readme = readFileSync(new URL('../../../plugins/oracle/README.md', import.meta.url), 'utf8')
  const example: unknown = parse(/```yaml\n([\s\S]*?)```/.exec(readme)?.[1] ?? '')
  expect(example).toMatchObject({ plugins: [{ use: 'oracle', grants: oracle.needs }] })
  const [entry] = (example as { plugins: { config: unknown }[] }).plugins
  const { feeds, inference } = oracleConfig.parse(entry?.config)
  expect([feeds, inference].map(({ length }) => length)).toEqual([1, 1])
})
