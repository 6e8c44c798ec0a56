import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { customContracts } from '../../node/config/custom-contracts.ts'
import { ConfigError } from '../../node/config/errors.ts'
import { durationSeconds, seriesRetention } from '../../node/config/series-schema.ts'
import { seriesSources } from '../../node/config/series-sources.ts'
import { faultsOf, minimal, parse, paths } from './config-cases.ts'

const address = `0x${'ab'.repeat(20)}`
const filled = {
  type: 'event',
  name: 'Filled',
  inputs: [
    { name: 'maker', type: 'address', indexed: true },
    { name: 'sold', type: 'uint256' },
    { name: 'paid', type: 'int256' },
  ],
}

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'iyi-config-series-'))
  writeFileSync(join(directory, 'abi.json'), JSON.stringify([filled]))
})
afterAll(() => rmSync(directory, { recursive: true }))

const fills = { name: 'book', contract: 'exchange', event: 'Filled', base: 'sold', quote: 'paid' }
const config = (series: object, contract: object = {}) => ({
  ...minimal,
  indexer: {
    contracts: [
      {
        name: 'exchange',
        chainId: 1,
        address,
        abi: join(directory, 'abi.json'),
        eventLog: true,
        ...contract,
      },
    ],
  },
  series,
})

function sourcesOf(series: object, contract: object = {}) {
  const { config: loaded, source } = parse(config(series, contract))
  return seriesSources(loaded, customContracts(loaded, source.path), source.path)
}

test('series are on, with retention, and of pools alone', () => {
  const { series } = parse(minimal).config
  expect(series).toMatchObject({ enabled: true, events: [] })
  expect(seriesRetention(series.retention)).toMatchObject({ trades: 604_800, '15m': 31_536_000, '1d': null })
})

test.each([
  ['90m', 5_400],
  ['36h', 129_600],
  ['2d', 172_800],
  ['1y', 31_536_000],
  ['forever', null],
])('%s', (text, seconds) => {
  expect(durationSeconds(text)).toBe(seconds)
})

test('refuses what a reorganisation would miss, and what is no time', () => {
  const faults = faultsOf({ ...minimal, series: { retention: { '1h': '3h', '4h': '7d', '1m': '4m' } } })
  expect(paths(faults).toSorted()).toEqual(['series.retention.1h', 'series.retention.1m'])
  expect(faults.map(({ remedy }) => remedy)).toContain('keep them for 4h or longer')
  expect(paths(faultsOf({ ...minimal, series: { retention: { trades: '7 days' } } }))).toEqual([
    'series.retention.trades',
  ])
})

test('a series of a contract of the operator’s own', () => {
  expect(
    sourcesOf({ events: [fills, { ...fills, name: 'other', quote: undefined, price: 'paid' }] }),
  ).toEqual([
    {
      ...{ id: 'book', chainId: 1, contracts: { addresses: [address] }, event: 'custom.exchange.Filled' },
      fields: { base: 'sold', quote: 'paid' },
    },
    expect.objectContaining({ id: 'other', fields: { base: 'sold', price: 'paid', priceScale: 18 } }),
  ])
  const two = { address: [address, `0x${'cd'.repeat(20)}`] }
  expect(sourcesOf({ events: [fills] }, two)).toMatchObject([{ contracts: { addresses: two.address } }])
})

test('needs a contract whose events are in the log', () => {
  const quiet = faultsOf(config({ events: [fills] }, { eventLog: false }))
  expect(quiet).toMatchObject([{ path: 'series.events.0.contract' }])
  expect(quiet[0]?.remedy).toContain('eventLog: true')
  const missing = faultsOf(config({ events: [{ ...fills, contract: 'exchang' }] }))
  expect(missing).toMatchObject([{ path: 'series.events.0.contract', remedy: 'did you mean "exchange"?' }])
})

test('tells each event and column that is not there', () => {
  const events = [
    { ...fills, event: 'Filed' },
    { ...fills, name: 'b', base: 'maker', quote: 'payed' },
  ]
  const failure = (() => {
    try {
      return sourcesOf({ events })
    } catch (error) {
      return error
    }
  })()
  expect(failure).toBeInstanceOf(ConfigError)
  expect((failure as ConfigError).data.faults).toMatchObject([
    { path: 'series.events.0.event', remedy: 'did you mean "Filled"?' },
    { path: 'series.events.1.base', message: 'maker of Filled is no integer' },
    { path: 'series.events.1.quote', remedy: 'did you mean "paid"?' },
  ])
})

test.each([
  { ...fills, name: 'pool-x' },
  { ...fills, price: 'paid' },
  { ...fills, quote: undefined },
  { ...fills, priceScale: 8 },
])('refuses %o', (entry) => {
  expect(faultsOf(config({ events: [entry] }))).toHaveLength(1)
})

test('two contracts do not tell of the same logs', () => {
  const { config: loaded, source } = parse({
    ...minimal,
    indexer: {
      contracts: ['one', 'two'].map((name) => ({
        ...{ name, chainId: 1, address, abi: join(directory, 'abi.json'), eventLog: true },
      })),
    },
  })
  expect(() => customContracts(loaded, source.path)).toThrow(/one follows the same contract/)
})
