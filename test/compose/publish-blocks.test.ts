import { expect, test } from 'vitest'
import { publishBlocks } from '../../node/compose/publish-blocks.ts'
import type { ChainFreshness } from '../../node/ports/index-reader.ts'
import type { Json } from '../../node/ports/json.ts'
import { instantClock } from '../fakes/instant-clock.ts'

const hashOf = (fill: string) => `0x${fill.repeat(32)}` as const

const chain = (head: bigint, fill: string, indexed: bigint | null, name = 'chain-a'): ChainFreshness => ({
  chainId: name === 'chain-a' ? 1 : 2,
  name,
  head: { number: head, hash: hashOf(fill), timestamp: 1_000 },
  indexed: indexed === null ? null : { number: indexed, timestamp: 999 },
  finalized: null,
  lagBlocks: indexed === null ? null : Number(head - indexed),
})

/** Runs it over these looks, each of which may fail, and gives what it published. */
async function published(looks: readonly (readonly ChainFreshness[] | Error)[]) {
  const events: { type: string; data: Json }[] = []
  const over = Promise.withResolvers<void>()
  let look = 0
  const stop = publishBlocks(
    {
      index: {
        async freshness() {
          const answer = looks[look++]
          if (answer === undefined) {
            over.resolve()
            return []
          }
          if (answer instanceof Error) throw answer
          return answer
        },
      },
      publish: (event) => void events.push(event),
    },
    { clock: instantClock() },
  )
  await over.promise
  stop()
  return events
}

test('tells of every head and every step of the index once, amounts as strings', async () => {
  const events = await published([
    [chain(7n, 'aa', null)],
    [chain(7n, 'aa', null)],
    [chain(7n, 'aa', 7n)],
    [chain(7n, 'aa', 7n)],
    [chain(8n, 'bb', 7n)],
  ])
  expect(events.map(({ data }) => data)).toEqual([
    expect.objectContaining({ head: '7', indexed: null, lagBlocks: null }),
    expect.objectContaining({ head: '7', indexed: '7', lagBlocks: 0 }),
    {
      chainId: 1,
      name: 'chain-a',
      head: '8',
      hash: hashOf('bb'),
      timestamp: 1_000,
      indexed: '7',
      finalized: null,
      lagBlocks: 1,
      lagSeconds: 1,
    },
  ])
  expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['block']))
})

test('a reorganisation at the same height is news', async () => {
  expect(await published([[chain(7n, 'aa', 7n)], [chain(7n, 'cc', 7n)]])).toHaveLength(2)
})

test('follows each chain by itself, and leaves out one that has no head yet', async () => {
  const silent = { ...chain(1n, 'aa', null, 'chain-b'), head: null }
  const events = await published([
    [chain(7n, 'aa', 7n), silent],
    [chain(7n, 'aa', 7n), chain(1n, 'dd', 1n, 'chain-b')],
  ])
  expect(events.map(({ data }) => data)).toMatchObject([{ name: 'chain-a' }, { name: 'chain-b' }])
})

test('an index that is away is no news, and does not end the stream', async () => {
  expect(
    await published([new Error('away'), [chain(7n, 'aa', 7n)], new Error('away'), [chain(8n, 'bb', 8n)]]),
  ).toHaveLength(2)
})

test('nothing is looked at once it was ended', async () => {
  let looks = 0
  const asked = Promise.withResolvers<void>()
  const stop = publishBlocks(
    {
      index: {
        async freshness() {
          looks++
          asked.resolve()
          return []
        },
      },
      publish: () => {},
    },
    { clock: instantClock() },
  )
  await asked.promise
  stop()
  const atStop = looks
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  expect(looks).toBe(atStop)
})
