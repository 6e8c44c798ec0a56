import { expect, test } from 'vitest'
import { indexerConfigSchema } from '../../indexer/config.ts'
import { faultsOf, minimal, parse } from './config-cases.ts'

const chain = (over: object) => ({ ...minimal, chains: [{ ...minimal.chains[0], ...over }] })

// What one room lets through and the next refuses would be an indexer that ends again and again.
test.each([
  { name: 'a' },
  { name: `a${'9-'.repeat(15)}z` },
  { pollingIntervalMs: 100 },
  { pollingIntervalMs: 600_000 },
])('the indexer takes a chain that the node takes: %j', (over) => {
  const { chains } = parse(chain(over)).config
  const indexed = chains.map(({ id, name, rpc, pollingIntervalMs }) => ({ id, name, rpc, pollingIntervalMs }))
  expect(indexerConfigSchema.safeParse({ chains: indexed, contracts: [] }).error).toBeUndefined()
})

test.each([
  [{ name: '1inch' }, 'chains.0.name'],
  [{ name: 'a'.repeat(33) }, 'chains.0.name'],
  [{ pollingIntervalMs: 99 }, 'chains.0.pollingIntervalMs'],
  [{ pollingIntervalMs: 600_001 }, 'chains.0.pollingIntervalMs'],
])('the node refuses what the indexer would: %j', (over, path) => {
  expect(faultsOf(chain(over)).map((fault) => fault.path)).toEqual([path])
})
