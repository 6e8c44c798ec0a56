import { keccak256 } from 'viem'
import { expect, test } from 'vitest'
import type { BlockRef, BlockTag, Hex } from '../../../node/ports/chain.ts'
import { recentBlocks } from '../../../plugins/features/recent-blocks.ts'
import { memoryChain } from '../../fakes/chain-reader.ts'
import { memoryIndex } from '../../fakes/index-reader.ts'
import { CHAIN, ORIGIN } from './kit.ts'

function world() {
  const chain = memoryChain([{ id: CHAIN, confirmations: 1 }], ORIGIN)
  chain.grow(CHAIN, 5_000)
  const asked: BlockTag[] = []
  let [now, failing] = [0, false]
  const block = async (chainId: number, at: BlockTag): Promise<BlockRef | null> => {
    asked.push(at)
    if (failing) throw new Error('no provider')
    return chain.block(chainId, at)
  }
  const index = memoryIndex()
  index.setHead(CHAIN, 5_000n)
  let finalized = 4_990n
  const freshness = async () => (await index.freshness()).map((each) => ({ ...each, finalized }))
  const { block: read } = recentBlocks({
    chain: { block },
    index: { select: index.select, freshness },
    clock: { monotonic: () => now },
  })
  return {
    ...{ chain, index, asked, read: (at: bigint) => read(CHAIN, at) },
    wait(ms: number) {
      now += ms
    },
    finalize(block: bigint) {
      finalized = block
    },
    fail(value: boolean) {
      failing = value
    },
  }
}

test('a block is asked for once, also by two at a time, and again after ten seconds', async () => {
  const { asked, read, wait, chain } = world()
  const [a, b] = await Promise.all([read(4n), read(4n)])
  expect(a).toEqual(await chain.block(CHAIN, 4n))
  expect(b).toEqual(a)
  wait(9_999)
  await read(4n)
  expect(asked).toEqual([4n])
  wait(1)
  await read(4n)
  expect(asked).toEqual([4n, 4n])
})

test('what is not there, or failed, is asked for again', async () => {
  const { asked, read, fail, chain } = world()
  expect(await read(5_000n)).toBeNull()
  chain.grow(CHAIN, 5_001)
  expect(await read(5_000n)).toMatchObject({ number: 5_000n })
  fail(true)
  await expect(read(7n)).rejects.toThrow('no provider')
  fail(false)
  expect(await read(7n)).toMatchObject({ number: 7n })
  expect(asked).toEqual([5_000n, 5_000n, 7n, 7n])
})

test('a thousand blocks are kept, the newest', async () => {
  const { asked, read } = world()
  for (let at = 0n; at <= 1_000n; at++) await read(at)
  expect(asked).toHaveLength(1_001)
  await read(1n)
  expect(asked).toHaveLength(1_001)
  await read(0n)
  expect(asked).toHaveLength(1_002)
})

test('one that is not final yet is asked for again after a second', async () => {
  const { asked, read, wait, finalize, chain } = world()
  finalize(3n)
  const before = await read(4n)
  wait(999)
  expect(await read(4n)).toBe(before)
  chain.grow(CHAIN, 5_000, { fork: 4, salt: 'b' })
  wait(1)
  expect(await read(4n)).toEqual(await chain.block(CHAIN, 4n))
  expect(await read(4n)).not.toEqual(before)
  expect(asked).toEqual([4n, 4n])
})

test('one that the index has is that of its branch, and the chain is not asked', async () => {
  const { asked, read, index, chain } = world()
  const row = (number: bigint, hash: Hex) => ({
    ...{ chainId: CHAIN, slot: Number(number % 1_024n), number, hash, parentHash: hash, timestamp: 77n },
  })
  const [old, fresh] = [keccak256('0x01'), keccak256('0x02')]
  index.add('block', row(4_000n, old))
  expect(await read(4_000n)).toMatchObject({ hash: old, timestamp: 77 })
  index.remove('block', () => true)
  index.add('block', row(4_000n, fresh))
  expect(await read(4_000n)).toMatchObject({ hash: fresh })
  expect(asked).toEqual([])
  // Another block lies in its slot.
  expect(await read(4_000n - 1_024n)).toEqual(await chain.block(CHAIN, 4_000n - 1_024n))
})
