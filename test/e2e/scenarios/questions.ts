import { keccak256 } from 'viem'
import { beforeAll, expect, it } from 'vitest'
import type { Fleet } from '../kit/fleet.ts'
import { get } from '../kit/http.ts'
import type { Network } from '../kit/network.ts'
import { type AskableModel, type Asker, askableModel, asker, requestAt } from '../kit/questions.ts'

const numbersFor = (model: AskableModel, seed: number) =>
  Array.from({ length: model.numbers }, (_, at) => BigInt(100_000 * ((seed + at) % 7)))

/** A contract asks a model, is called back with what a quorum computed, and everybody can see why. */
export function questions(net: Network): void {
  let model: AskableModel
  let contract: Asker
  beforeAll(async () => {
    model = await askableModel(net)
    contract = await asker(net, 5)
  }, 60_000)

  it('a contract is called back with the answer, and every validator shows each one’s raw output', async () => {
    const requestId = await contract.ask(model, numbersFor(model, 1))
    const told = await contract.told(requestId)
    expect(told).toMatchObject({ outcome: 1, digest: model.digest })
    for (const api of net.description.api) {
      const view = await requestAt(api, requestId)
      expect(view.answer).toMatchObject({ outcome: 'answered', callback: 'succeeded' })
      expect(view.answer?.values.map(BigInt)).toEqual(told.values)
      // Q of n = 4: three signatures, of three validators.
      expect(new Set(view.report?.signatures.map(({ oracle }) => oracle)).size).toBe(3)
      // One that was behind in that round has the answer, and not who said what.
      if (view.evidence === null) continue
      expect(keccak256(view.evidence.encoded)).toBe(view.answer?.evidenceDigest)
      expect(view.evidence.results.length).toBeGreaterThanOrEqual(3)
      for (const result of view.evidence.results) {
        expect(result).toMatchObject({
          agrees: true,
          provider: 'cpu',
          distance: expect.stringMatching(/^\d+$/),
        })
        expect(result.values).toHaveLength(told.values.length)
        expect(result.signature).toMatch(/^0x[0-9a-f]{128}$/)
      }
    }
    const views = await Promise.all(net.description.api.map((api) => requestAt(api, requestId)))
    expect(views.some(({ evidence }) => evidence !== null)).toBe(true)
  })

  it('what the model can not take is said as such', async () => {
    const requestId = await contract.ask(model, [1n])
    expect(await contract.told(requestId)).toMatchObject({ outcome: 3, values: [] })
    expect((await requestAt(net.description.api[0] ?? '', requestId)).answer?.outcome).toBe('bad-input')
  })

  it('a contract that burns its gas harms nobody beside it', async () => {
    const hostile = await asker(net, 6)
    await hostile.setMood('burn-gas')
    const [bad, good] = await Promise.all([
      hostile.ask(model, numbersFor(model, 2)),
      contract.ask(model, numbersFor(model, 3)),
    ])
    expect(await contract.told(good)).toMatchObject({ outcome: 1 })
    const view = await requestAt(net.description.api[0] ?? '', bad)
    expect(view.answer).toMatchObject({ outcome: 'answered', callback: 'failed' })
  })

  it('many questions at once are all answered, several in one report', async () => {
    const ids: bigint[] = []
    for (let seed = 0; seed < 6; seed++) ids.push(await contract.ask(model, numbersFor(model, seed)))
    const api = net.description.api[0] ?? ''
    const views = await Promise.all(ids.map((id) => requestAt(api, id)))
    expect(views.map(({ answer }) => answer?.outcome)).toEqual(ids.map(() => 'answered'))
    const { data } = await get<{ data: { id: string }[] }>(`${api}/v1/requests?status=answered&limit=100`)
    expect(data.map(({ id }) => id)).toEqual(expect.arrayContaining(ids.map(String)))
  })
}

/** One of them dies in the middle of a question. */
export function killedInMidRequest(net: Network, fleet: Fleet): void {
  it('a validator that is killed in the middle of a question costs nothing', async () => {
    const model = await askableModel(net)
    const contract = await asker(net, 7)
    const victim = fleet.indices.at(-1) ?? 0
    const requestId = await contract.ask(model, numbersFor(model, 4))
    await fleet.kill([victim])
    expect(await contract.told(requestId)).toMatchObject({ outcome: 1, digest: model.digest })
    const after = await contract.ask(model, numbersFor(model, 5))
    expect(await contract.told(after)).toMatchObject({ outcome: 1 })
    await fleet.start({ [victim]: 'honest' })
  })
}

/** The liar may lead, and a leader does so for 100 rounds or beats of a second each. */
const LED_MS = 150_000

/** The last one says something else than its model does. */
export function besideALiar(net: Network, fleet: Fleet): void {
  it('a validator with another model’s answers is outvoted, and everybody sees it', async () => {
    const liar = fleet.indices.at(-1) ?? 0
    const model = await askableModel(net)
    const contract = await asker(net, 8)
    let seen = false
    const deadline = performance.now() + LED_MS
    for (let seed = 0; !seen && performance.now() < deadline; seed++) {
      const requestId = await contract.ask(model, numbersFor(model, seed))
      expect(await contract.told(requestId)).toMatchObject({ outcome: 1 })
      const { evidence, answer } = await requestAt(net.description.api[0] ?? '', requestId)
      const others = evidence?.results.filter(({ oracle }) => oracle !== liar) ?? []
      expect(others.every(({ agrees }) => agrees)).toBe(true)
      for (const { values } of others) expect(values).toEqual(answer?.values)
      // It is left out where three others were quicker, and says the truth in rounds that it leads.
      const lied = evidence?.results.find(({ oracle }) => oracle === liar)
      if (lied === undefined || String(lied.values) === String(answer?.values)) continue
      expect(lied.agrees).toBe(false)
      expect(BigInt(lied.distance ?? 0)).toBeGreaterThanOrEqual(900_000n)
      seen = true
    }
    expect(seen).toBe(true)
  })
}
