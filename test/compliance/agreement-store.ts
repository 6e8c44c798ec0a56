import { expect, it } from 'vitest'
import type { AgreementStore } from '../../node/ports/agreement-store.ts'
import type { Hex } from '../../node/ports/chain.ts'
import type { ChainEvidence } from '../../node/ports/chain-evidence.ts'

const hash = (value: number): Hex => `0x${value.toString(16).padStart(64, '0')}`
const address: Hex = `0x${'aA'.repeat(20)}`

export const chainEvidence = (changes: Partial<ChainEvidence> = {}): ChainEvidence => ({
  id: hash(1),
  chainId: 1,
  kind: 'logs',
  block: { number: '123456789012345678901', hash: hash(2) },
  verdict: 'proven',
  wrong: [1],
  statements: [
    {
      provider: 1,
      host: 'rpc.example.org',
      blockHash: hash(2),
      parentHash: hash(3),
      logCount: 1,
      logsDigest: hash(4),
      logs: [{ logIndex: 7, address, topics: [hash(5)], data: '0xabcd', transactionHash: hash(6) }],
      answer: null,
      verdict: 'wrong',
    },
  ],
  differences: [{ id: 'a/1', chain: 'pool.Sync \u0000', index: null }],
  recordedAt: 1_790_000_000_123,
  header: { number: '0x1', extraData: '0x' },
  receipts: [
    {
      transactionHash: hash(6),
      transactionIndex: 0,
      fields: { type: '0x2' },
      logs: [{ address, topics: [], data: '0x' }],
    },
  ],
  ...changes,
})

/** What every `AgreementStore` does. */
export function agreementStoreCompliance(make: () => Promise<AgreementStore>): void {
  const trail = [
    { number: 2n ** 70n, hash: hash(9) },
    { number: 3n, hash: hash(8) },
  ]

  it('keeps the trail of a chain, under its scope alone', async () => {
    const store = await make()
    expect(await store.load(1, hash(1))).toEqual([])
    await store.save(1, hash(1), trail)
    await store.save(2, hash(1), [])
    expect(await store.load(1, hash(1))).toEqual(trail)
    expect(await store.load(1, hash(2))).toEqual([])
    await store.save(1, hash(2), trail.slice(1))
    expect(await store.load(1, hash(2))).toEqual(trail.slice(1))
    expect(await store.load(1, hash(1))).toEqual([])
  })

  it('keeps evidence once, and lists it newest first without what is large', async () => {
    const store = await make()
    const whole = chainEvidence()
    const { header: _header, receipts: _receipts, ...summary } = whole
    await store.record(whole)
    await store.record(chainEvidence({ recordedAt: 1 }))
    await store.record(
      chainEvidence({ id: hash(2), kind: 'fork', block: { number: '7', hash: null }, header: null }),
    )
    await store.record(chainEvidence({ id: hash(3), chainId: 2 }))
    const first = await store.evidence({ chainId: 1, limit: 1 })
    expect(first.records.map(({ id }) => id)).toEqual([hash(2)])
    const second = await store.evidence({ chainId: 1, limit: 1, before: first.cursor ?? '' })
    expect(second).toEqual({ records: [summary], cursor: null })
    expect(await store.oneEvidence(1, hash(1))).toEqual(whole)
    expect(await store.oneEvidence(2, hash(1))).toBeNull()
  })

  it('keeps the newest 100 of a chain', async () => {
    const store = await make()
    await store.record(chainEvidence({ id: hash(1_000), chainId: 2 }))
    for (let at = 0; at < 105; at++) await store.record(chainEvidence({ id: hash(at) }))
    const { records } = await store.evidence({ chainId: 1, limit: 1_000 })
    expect(records.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, at) => hash(104 - at)))
    expect((await store.evidence({ chainId: 2, limit: 10 })).records).toHaveLength(1)
  })
}
