import { encodeAbiParameters, keccak256 } from 'viem'
import { beforeAll, expect, it } from 'vitest'
import { type Challenger, challenger, collude, nextRequestId } from '../kit/disputes.ts'
import type { Network } from '../kit/network.ts'
import { type AskableModel, type Asker, askableModel, asker, requestAt } from '../kit/questions.ts'

/** Answers can be challenged for half a minute; a committee of three runs the model again. */
export function disputes(net: Network): void {
  let model: AskableModel
  let contract: Asker
  let doubter: Challenger
  const numbers = (seed: number) =>
    Array.from({ length: model.numbers }, (_, at) => BigInt(100_000 * ((seed * 3 + at) % 11)))
  const api = (at = 0) => net.description.api[at] ?? ''

  beforeAll(async () => {
    model = await askableModel(net)
    contract = await asker(net, 9)
    doubter = await challenger(net, 10)
  }, 60_000)

  it('an honest answer is upheld, and the bond is lost', async () => {
    const requestId = await contract.ask(model, numbers(1))
    const told = await contract.told(requestId)
    expect(told).toMatchObject({ outcome: 1, isFinal: false })
    await doubter.challenge(requestId)
    const views = await Promise.all(net.description.api.map((each) => requestAt(each, requestId, 'upheld')))
    for (const { dispute } of views) {
      expect(dispute).toMatchObject({ status: 'upheld', values: [] })
      expect(dispute?.votes).toBeGreaterThanOrEqual(2)
      const evidence = dispute?.verdict?.evidence ?? null
      if (evidence === null) continue
      expect(keccak256(evidence.encoded)).toBe(dispute?.evidenceDigest)
      expect(new Set(evidence.committee).size).toBe(3)
      for (const result of evidence.results) {
        expect(evidence.committee).toContain(result.oracle)
        expect(result).toMatchObject({ provider: 'cpu-reference', agrees: true })
        expect(result.values).toHaveLength(told.values.length)
      }
    }
    expect(views.some(({ dispute }) => dispute?.verdict?.evidence != null)).toBe(true)
    expect(await doubter.credit()).toBe(0n)
  })

  it('an answer that a quorum falsified is overturned, and the contract hears the true one', async () => {
    // The honest answer may be quicker: then another question.
    for (let seed = 2; ; seed++) {
      const input = encodeAbiParameters([{ type: 'int256[]' }], [numbers(seed)])
      const requestId = await nextRequestId(net, {
        ...{ requester: contract.address, modelDigest: model.digest, input },
      })
      const forged = await collude(net, { requestId, input, values: [31_337_000_000n] })
      expect(await contract.ask(model, numbers(seed))).toBe(requestId)
      await forged.send()
      const told = await contract.told(requestId)
      if (told.values[0] !== 31_337_000_000n) {
        expect(seed).toBeLessThan(10)
        continue
      }
      await doubter.challenge(requestId)
      const view = await requestAt(api(), requestId, 'overturned')
      expect(view.dispute?.values).toHaveLength(1)
      expect(view.dispute?.values).not.toEqual(['31337000000'])
      expect(BigInt(view.dispute?.distance ?? 0)).toBeGreaterThan(30_000_000_000n)
      const again = await contract.told(requestId)
      expect(again).toMatchObject({ isFinal: true, values: view.dispute?.values.map(BigInt) })
      // The bond came back, and the price with it.
      expect(await doubter.credit()).toBeGreaterThan(doubter.bond)
      return
    }
  })

  it('who waits for the final answer is called by the validators once nobody can challenge it', async () => {
    const requestId = await contract.ask(model, numbers(30), { finalOnly: true })
    const { answer, delivered } = await requestAt(api(), requestId)
    expect([answer?.callback, delivered]).toEqual(['none', false])
    expect(await contract.told(requestId)).toMatchObject({ outcome: 1, isFinal: true })
    expect(await requestAt(api(), requestId, 'final')).toMatchObject({
      delivered: true,
      answer: { callback: 'succeeded' },
    })
  })
}
