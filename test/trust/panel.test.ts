import { expect, it } from 'vitest'
import type { Witness } from '../../node/ports/witness.ts'
import { askPanel } from '../../node/trust/panel.ts'
import { instantClock } from '../fakes/instant-clock.ts'

const witness = (provider: number, party: string): Witness => ({
  provider,
  party,
  host: party,
  head: async () => 0n,
  header: async () => null,
  logs: async () => [],
  call: async () => '0x',
  receipts: async () => [],
})

function ask(
  parties: readonly string[],
  answer: (provider: number) => Promise<string>,
  k: number,
): Promise<{ asked: number[]; answers: readonly string[] }> {
  const asked: number[] = []
  return askPanel(
    {
      witnesses: parties.map((party, provider) => witness(provider, party)),
      k,
      hedgeMs: 1_000,
      ask: ({ provider }) => {
        asked.push(provider)
        return answer(provider)
      },
      disputed: (answers) => new Set(answers).size > 1,
    },
    { clock: instantClock() },
  ).then(({ answers }) => ({ asked, answers }))
}

it('takes providers of one party for one', async () => {
  expect(await ask(['a', 'a', 'a'], async () => 'x', 2)).toEqual({ asked: [0], answers: ['x'] })
  expect(await ask(['a', 'a', 'b'], async () => 'x', 2)).toEqual({ asked: [0, 2], answers: ['x', 'x'] })
})

it('lets a second provider of a party speak when the first fails', async () => {
  const first = async (provider: number) => {
    if (provider === 0) throw new TypeError('away')
    return 'x'
  }
  expect((await ask(['a', 'a', 'b'], first, 2)).answers).toEqual(['x', 'x'])
})

it('hears everybody once two contradict each other', async () => {
  const { asked, answers } = await ask(
    ['a', 'b', 'c', 'd'],
    async (provider) => (provider === 1 ? 'y' : 'x'),
    2,
  )
  expect(asked).toEqual([0, 1, 2, 3])
  expect(answers.toSorted()).toEqual(['x', 'x', 'x', 'y'])
})

it('asks another one when the first takes long', async () => {
  const never = (provider: number) => (provider === 0 ? new Promise<string>(() => {}) : Promise.resolve('x'))
  expect((await ask(['a', 'b', 'c'], never, 2)).answers).toEqual(['x', 'x'])
})

it('ends with fewer than k when nobody is left, and with none without providers', async () => {
  expect(
    (
      await ask(
        ['a', 'b'],
        (provider) => (provider === 0 ? Promise.resolve('x') : Promise.reject(new TypeError('no'))),
        2,
      )
    ).answers,
  ).toEqual(['x'])
  expect((await ask([], async () => 'x', 1)).answers).toEqual([])
})
