import { expect, it } from 'vitest'
import { watchIndex } from '../../node/compose/watch-index.ts'
import type { ChainFreshness } from '../../node/ports/index-reader.ts'
import { recordingLogger, recordingMetrics, virtualClock } from '../fakes/host-modules.ts'

const hash = `0x${'ab'.repeat(32)}` as const

function world(restartable = true) {
  const clock = virtualClock()
  const metrics = recordingMetrics()
  const restarts: { at: number; why: string }[] = []
  const chain = { head: 10n, indexed: 10n as bigint | null, away: false, ready: true, pollingMs: 1_000 }
  const watch = watchIndex({
    index: {
      freshness: async (): Promise<readonly ChainFreshness[]> => {
        if (chain.away) throw new RangeError('away')
        return [
          {
            ...{ chainId: 1, name: 'one', finalized: null, lagBlocks: null },
            head: { number: chain.head, hash, timestamp: 0 },
            indexed: chain.indexed === null ? null : { number: chain.indexed, timestamp: 0 },
          },
        ]
      },
    },
    restart: restartable
      ? (why) => {
          if (chain.ready) restarts.push({ at: clock.now() / 1_000, why })
          return chain.ready
        }
      : null,
    pollingMs: () => chain.pollingMs,
    ...{ clock, metrics, log: recordingLogger() },
  })
  const run = async (seconds: number, step = () => {}) => {
    for (let i = 0; i < seconds; i++) {
      step()
      clock.advance(1_000)
      await Promise.resolve()
      await Promise.resolve()
      await Promise.resolve()
    }
  }
  return { chain, watch, run, restarts, metrics }
}

it('starts an index again that is behind and takes in nothing, ever later, and then asks for a person', async () => {
  const { chain, watch, run, restarts, metrics } = world()
  await run(5)
  await run(600, () => {
    chain.head++
  })
  expect(restarts.map(({ at }) => at)).toHaveLength(3)
  const [first = { at: 0 }, second = { at: 0 }, third = { at: 0 }] = restarts
  expect(second.at - first.at).toBeGreaterThanOrEqual(120)
  expect(third.at - second.at).toBeGreaterThanOrEqual(240)
  expect(first).toMatchObject({ why: expect.stringContaining('stands still at block 10') })
  expect(watch.health()).toMatchObject({
    status: 'degraded',
    reason: expect.stringContaining('3 restarts did not help'),
  })
  expect(metrics.gauges.get('iyi_index_stuck{chain=one}') ?? [...metrics.gauges.values()][0]).toBe(1)
  chain.indexed = chain.head
  await run(1)
  expect(watch.health()).toEqual({ status: 'ok' })
  watch.stop()
})

it('lets alone what moves, what has nothing to do, what is not read yet, and what can not be asked', async () => {
  const { chain, watch, run, restarts } = world()
  await run(300)
  await run(300, () => {
    chain.head += 5n
    chain.indexed = (chain.indexed ?? 0n) + 1n
  })
  chain.indexed = null
  await run(300)
  chain.away = true
  await run(300)
  expect(restarts).toEqual([])
  expect(watch.health()).toEqual({ status: 'ok' })
  watch.stop()
})

it('is not misled by an index that goes back at each restart and comes again no farther', async () => {
  const { chain, watch, run, restarts } = world()
  await run(5)
  let told = 0
  await run(1_200, () => {
    chain.head++
    chain.indexed = chain.indexed === null ? null : chain.indexed < 10n ? chain.indexed + 1n : 10n
    if (restarts.length > told) {
      told = restarts.length
      chain.indexed = 2n
    }
  })
  expect(restarts.length).toBeLessThanOrEqual(5)
  expect(watch.health()).toMatchObject({ reason: expect.stringContaining('restarts did not help') })
  watch.stop()
})

it('waits for a program that is not at work yet, and longer where it looks seldom', async () => {
  const seldom = world()
  seldom.chain.pollingMs = 60_000
  await seldom.run(500, () => {
    seldom.chain.head++
  })
  expect(seldom.restarts).toEqual([])
  seldom.watch.stop()
  const early = world()
  early.chain.ready = false
  await early.run(300, () => {
    early.chain.head++
  })
  expect(early.restarts).toEqual([])
  expect(early.watch.health()).toMatchObject({ reason: expect.stringContaining('not at work') })
  early.watch.stop()
})

it('says so where another node keeps the index', async () => {
  const { chain, watch, run } = world(false)
  await run(100, () => {
    chain.head++
  })
  expect(watch.health()).toMatchObject({
    status: 'degraded',
    reason: expect.stringContaining('look at the node that keeps it'),
  })
  watch.stop()
})
