import { expect, test } from 'vitest'
import type { BlockRef, BlockTag } from '../../../node/ports/chain.ts'
import { recentBlocks } from '../../../plugins/features/recent-blocks.ts'
import { memoryChain } from '../../fakes/chain-reader.ts'
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
  const { block: read } = recentBlocks({ block }, { monotonic: () => now })
  return {
    ...{ chain, asked, read: (at: bigint) => read(CHAIN, at) },
    wait(ms: number) {
      now += ms
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
