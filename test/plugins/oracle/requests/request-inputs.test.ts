import { toHex } from 'viem'
import { expect, test, vi } from 'vitest'
import { ContentError } from '../../../../node/ports/content-error.ts'
import { requestInputs } from '../../../../plugins/oracle/requests/request-inputs.ts'
import { memoryContents } from '../../../fakes/contents.ts'
import { instantClock } from '../../../fakes/instant-clock.ts'
import { requestRow } from './kit.ts'

const signal = new AbortController().signal
const row = (at: number) =>
  requestRow(at, { input: '0x', inputHash: toHex(at, { size: 32 }), inputLength: 2 })

/** Contents that answer each fetch when told to; others keep it waiting. */
function held() {
  const fetching = new Map<string, PromiseWithResolvers<Uint8Array>>()
  const begun: string[] = []
  const here = new Set<string>()
  const contents = {
    ...memoryContents(),
    sizeOf: (hash: string) => (here.has(`0x${hash}`) ? 2 : null),
    fetch: async (hash: string) => {
      if (here.has(`0x${hash}`)) return Uint8Array.of(1, Number(`0x${hash}`))
      begun.push(`0x${hash}`)
      const transfer = Promise.withResolvers<Uint8Array>()
      fetching.set(`0x${hash}`, transfer)
      return transfer.promise
    },
  }
  // A clock whose timers never end: nothing here is too late.
  const clock = { ...instantClock(), setTimer: () => ({ cancel() {} }) }
  const inputs = requestInputs({ keepMs: 1, keepAnsweredMs: 1 }, { contents, clock })
  const hashOf = (at: number) => row(at).inputHash
  return {
    inputs,
    begun,
    hashOf,
    hold: (at: number) => here.add(hashOf(at)),
    give: (at: number) => fetching.get(hashOf(at))?.resolve(Uint8Array.of(1, at)),
    fail: (at: number) =>
      fetching
        .get(hashOf(at))
        ?.reject(new ContentError('CONTENT_UNAVAILABLE', 'nobody has it', { hash: '' })),
  }
}

test('inputs of a round come however many are fetched ahead, and each has its turn', async () => {
  const { inputs, begun, hashOf, give } = held()
  inputs.want('rounds', [1, 2, 3, 4].map(row))
  expect(begun).toEqual([1, 2].map(hashOf))
  const needed = [11, 12, 13].map((at) => inputs.of(row(at), signal))
  expect(begun).toEqual([1, 2, 11, 12].map(hashOf))
  give(12)
  await vi.waitFor(() => expect(begun).toEqual([1, 2, 11, 12, 13].map(hashOf)))
  give(13)
  give(11)
  expect(await Promise.all(needed)).toEqual(['0x010b', '0x010c', '0x010d'])
})

test('what was wanted and not begun is forgotten when others are wanted', async () => {
  const { inputs, begun, hashOf, fail } = held()
  inputs.want('rounds', [1, 2, 3, 4].map(row))
  inputs.want('rounds', [5, 6].map(row))
  fail(1)
  fail(2)
  await vi.waitFor(() => expect(begun).toEqual([1, 2, 5, 6].map(hashOf)))
  fail(5)
  fail(6)
  // Nothing is left; what is wanted later begins at once.
  await vi.waitFor(() => {
    inputs.want('rounds', [row(7)])
    expect(begun).toContain(hashOf(7))
  })
})

test('who wants inputs is told of those that are begun alone', async () => {
  const { inputs, hashOf, fail } = held()
  const begun: string[] = []
  const tell = (hash: string) => void begun.push(hash)
  inputs.want('watch', [1, 2, 3].map(row), tell)
  inputs.want('watch', [4].map(row), tell)
  fail(1)
  await vi.waitFor(() => expect(begun).toEqual([1, 2, 4].map(hashOf)))
})

test('an input that a round has no time for is not begun', async () => {
  const { inputs, begun, hashOf, give } = held()
  const late = new AbortController()
  const first = [1, 2].map((at) => inputs.of(row(at), signal))
  const third = inputs.of(row(3), late.signal)
  late.abort()
  give(1)
  give(2)
  await Promise.all(first)
  await expect(third).rejects.toMatchObject({ code: 'CONTENT_GIVEN_UP' })
  expect(begun).toEqual([1, 2].map(hashOf))
})

test('what a leader wants and what the watch wants take turns, and neither replaces the other', async () => {
  const { inputs, begun, hashOf, fail } = held()
  inputs.want('watch', [1, 2, 3].map(row))
  inputs.want('rounds', [11, 12].map(row))
  inputs.want('rounds', [13, 14].map(row))
  expect(begun).toEqual([1, 2].map(hashOf))
  for (const at of [1, 2, 3, 13]) {
    await vi.waitFor(() => expect(begun).toContain(hashOf(at)))
    fail(at)
  }
  await vi.waitFor(() => expect(begun).toEqual([1, 2, 3, 13, 14].map(hashOf)))
})

test('what is here comes at once, however many transfers a round waits for', async () => {
  const { inputs, begun, hashOf, give, hold } = held()
  const waiting = [1, 2, 3].map((at) => inputs.of(row(at), signal))
  hold(9)
  expect(await inputs.of(row(9), signal)).toBe('0x0109')
  for (const at of [1, 2, 3]) {
    await vi.waitFor(() => expect(begun).toContain(hashOf(at)))
    give(at)
  }
  await Promise.all(waiting)
})

test('a transfer that a round has given up keeps its lane until it ends', async () => {
  const { inputs, begun, hashOf, give } = held()
  const late = new AbortController()
  const given = [1, 2].map((at) => inputs.of(row(at), late.signal))
  const next = inputs.of(row(3), signal)
  late.abort()
  for (const each of given) await expect(each).rejects.toMatchObject({ code: 'CONTENT_GIVEN_UP' })
  expect(begun).toEqual([1, 2].map(hashOf))
  give(2)
  await vi.waitFor(() => expect(begun).toEqual([1, 2, 3].map(hashOf)))
  give(3)
  expect(await next).toBe('0x0103')
})
