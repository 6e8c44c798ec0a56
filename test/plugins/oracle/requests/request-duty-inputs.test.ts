import { hexToBytes, sha256 } from 'viem'
import { describe, expect, test, vi } from 'vitest'
import { ORIGIN } from '../kit.ts'
import { abstains, gave, INPUT, requestContext, requestRow } from './kit.ts'
import { ids, validator } from './validator.ts'

describe('an input that a request names by its hash', () => {
  const delivered = hexToBytes(INPUT)
  const byHash = (requestId: number, changes: Parameters<typeof requestRow>[1] = {}) =>
    requestRow(requestId, { input: '0x', inputLength: delivered.length, ...changes })

  test('a leader takes its request once the input is here, and fetches it until then', async () => {
    const { index, contents, duty, query } = validator()
    index.add('inferenceRequest', byHash(1), requestRow(2))
    expect(ids(await query())).toEqual([2])
    await vi.waitFor(() => expect(contents.asked).toEqual([sha256(INPUT).slice(2)]))
    await contents.put(delivered, { keepMs: 1 })
    expect(ids(await query())).toEqual([1, 2])
    await expect(duty.query(requestContext(), null)).resolves.not.toBeNull()
  })

  test('a follower answers with what it has or fetches, and keeps it for a dispute', async () => {
    const { index, contents, duty, query, inference } = validator()
    index.add('inferenceRequest', byHash(1))
    await contents.put(delivered, { keepMs: 1 })
    const asked = await query()
    contents.lose(sha256(INPUT))
    contents.elsewhere(delivered)
    inference.answer([42n])
    expect(await duty.observe(requestContext(), asked, null)).toEqual({ results: [gave(42)], rulings: [] })
    expect(inference.requests[0]?.inputs.features?.data).toEqual(Float32Array.of(1.5, -2))
    const hash = sha256(INPUT).slice(2)
    const waits = [hash, (ORIGIN + 3_600) * 1_000 + 600_000]
    expect(contents.kept).toEqual([
      // In the leader's query, and when it came.
      ...[waits, waits],
      // Answered: somebody may dispute it.
      [hash, ORIGIN * 1_000 + 86_400_000],
    ])
  })

  test('a follower that can not have it abstains for its own part', async () => {
    const { index, contents, duty, query } = validator()
    index.add('inferenceRequest', byHash(1))
    await contents.put(delivered, { keepMs: 1 })
    const asked = await query()
    contents.lose(sha256(INPUT))
    expect(await duty.observe(requestContext(), asked, null)).toEqual({
      results: [abstains('unavailable')],
      rulings: [],
    })
  })

  test('one of another length than the request pays for is a bad input, at every validator', async () => {
    const { index, contents, duty, query, inference } = validator()
    index.add('inferenceRequest', byHash(1, { inputLength: delivered.length - 1 }))
    await contents.put(delivered, { keepMs: 1 })
    expect(await duty.observe(requestContext(), await query(), null)).toEqual({
      results: [abstains('bad-input')],
      rulings: [],
    })
    expect(inference.requests).toEqual([])
    expect(contents.kept).toEqual([])
  })

  test('a request does not keep an input for as long as it likes, and renews it while it waits', async () => {
    const { index, contents, query } = validator()
    index.add('inferenceRequest', byHash(1, { deadline: BigInt(ORIGIN + 365 * 86_400) }))
    await contents.put(delivered, { keepMs: 1 })
    await query()
    await query()
    const until = contents.kept.map(([, untilMs]) => untilMs - ORIGIN * 1_000)
    expect(until).toHaveLength(2)
    for (const ms of until) expect(ms).toBeLessThanOrEqual(3_600_000 + 600_000 + 600_000)
  })

  test('what the model does not take is not kept for a dispute', async () => {
    const { index, contents, duty, query } = validator()
    const odd = Uint8Array.of(1, 2, 3)
    index.add('inferenceRequest', byHash(1, { inputHash: sha256(odd), inputLength: odd.length }))
    await contents.put(odd, { keepMs: 1 })
    expect(await duty.observe(requestContext(), await query(), null)).toMatchObject({
      results: [abstains('bad-input')],
    })
    for (const [, untilMs] of contents.kept) expect(untilMs).toBeLessThan((ORIGIN + 86_400) * 1_000)
  })

  test('however many others are delivered, an older one is found', async () => {
    const { index, contents, query } = validator()
    index.add('inferenceRequest', byHash(1))
    await contents.put(delivered, { keepMs: 1 })
    for (let i = 0; i < 1_500; i++) await contents.put(Uint8Array.of(i % 256, i >> 8, 7), { keepMs: 1 })
    expect(ids(await query())).toEqual([1])
  })

  test('one that nobody may deliver is not asked for', async () => {
    const { index, contents, duty } = validator()
    index.add('inferenceRequest', byHash(1, { inputLength: 2 ** 20 + 1 }))
    await expect(duty.query(requestContext(), null)).resolves.toBeNull()
    expect(contents.asked).toEqual([])
  })
})
