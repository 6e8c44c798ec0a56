import { readdirSync, readFileSync } from 'node:fs'
import { encodeAbiParameters, encodeEventTopics } from 'viem'
import { expect, test } from 'vitest'
import { constantProductPoolAbi } from '../../contracts/abi/ConstantProductPool.ts'
import { handledEvents } from '../../indexer/handled-events.ts'
import { argumentsOf, auditedEvents } from '../../node/compose/audited-events.ts'
import type { ChainLog, Hex } from '../../node/ports/chain.ts'

const address = '0x00000000000000000000000000000000000000AA'
const hash = `0x${'11'.repeat(32)}` as const

test('the indexer has a handler of each event, and no other', () => {
  const source = new URL('../../indexer/src/', import.meta.url)
  const handlers = readdirSync(source)
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [...readFileSync(new URL(file, source), 'utf8').matchAll(/ponder\.on\('([^']+)'/g)])
    .map(([, name]) => name)
    .filter((name) => name !== 'head:block')
  expect(handlers.toSorted()).toEqual(handledEvents.map(({ kind, abi }) => `${kind}:${abi.name}`).toSorted())
})

test('audits the events of each contract from the first block that its kind is indexed from', () => {
  const other = '0x00000000000000000000000000000000000000bb'
  const events = auditedEvents(1, [
    { kind: 'pool', chainId: 1, address, startBlock: 20 },
    { kind: 'pool', chainId: 1, address: other, startBlock: 10 },
    { kind: 'registry', chainId: 2, address, startBlock: 1 },
  ])
  expect(events.map((event) => [event.address, event.name, event.from])).toEqual([
    [address.toLowerCase(), 'pool.Sync', 10n],
    [address.toLowerCase(), 'pool.Swap', 10n],
    [other, 'pool.Sync', 10n],
    [other, 'pool.Swap', 10n],
  ])
})

test('decodes as the indexer does, and leaves out what does not fit', () => {
  const [sync] = handledEvents
  if (sync === undefined) throw new TypeError('no event')
  const topics = encodeEventTopics({ abi: constantProductPoolAbi, eventName: 'Sync' }) as readonly Hex[]
  const data = encodeAbiParameters(sync.abi.inputs, [2n ** 100n, 7n])
  const log: ChainLog = {
    address,
    topics,
    data,
    blockNumber: 1n,
    blockHash: hash,
    transactionHash: hash,
    logIndex: 0,
  }
  expect(argumentsOf('pool.Sync', log)).toEqual({ reserve0: (2n ** 100n).toString(), reserve1: '7' })
  expect(argumentsOf('pool.Sync', { ...log, data: '0x12' })).toBeNull()
  expect(argumentsOf('pool.Swap', log)).toBeNull()
  expect(argumentsOf('pool.Nothing', log)).toBeNull()
})
