import { expect, it } from 'vitest'
import type { Hex } from '../../node/ports/chain.ts'
import type { EvidenceRecord, QuorumStore } from '../../node/ports/quorum.ts'

const hex = (byte: string): Hex => `0x${byte.repeat(32)}`
const address: Hex = `0x${'aA'.repeat(20)}`
const bytes = (...values: number[]) => Uint8Array.from(values)

export const evidence: EvidenceRecord = {
  dutyId: 'oracle/eth-usd',
  configDigest: hex('01'),
  seqNr: 2n ** 40n,
  epoch: 7,
  leader: 3,
  query: bytes(0, 255),
  observations: [
    { oracle: 0, observation: bytes(1, 2), signature: bytes(3) },
    { oracle: 2, observation: bytes(), signature: bytes(4, 5) },
  ],
  outcome: bytes(9, 0, 9),
  reports: [
    {
      index: 0,
      report: { contract: { chainId: 31337, address }, payload: bytes(1, 2, 3), extraHash: hex('00') },
      context: [hex('01'), hex('02'), hex('03')],
      digest: hex('04'),
      signatures: [
        { oracle: 0, signer: address, signature: new Uint8Array(65).fill(7) },
        { oracle: 2, signer: address, signature: new Uint8Array(65).fill(8) },
      ],
    },
  ],
  recordedAt: 1_790_000_000_123,
}

/** What every `QuorumStore` does. */
export function quorumStoreCompliance(make: () => Promise<QuorumStore>): void {
  it('knows nothing of a new instance', async () => {
    const store = await make()
    expect(await store.load(hex('aa'))).toEqual({ pacemaker: null, certificate: null, committed: null })
    expect(await store.evidence('x/y', hex('aa'), 1n)).toBeNull()
  })

  it('changes what is given and keeps the rest', async () => {
    const store = await make()
    await store.save(hex('aa'), { pacemaker: bytes(1), committed: bytes(2) })
    await store.save(hex('aa'), { certificate: bytes() })
    await store.save(hex('bb'), { pacemaker: bytes(9) })
    await store.save(hex('aa'), { committed: null })
    expect(await store.load(hex('aa'))).toEqual({
      pacemaker: bytes(1),
      certificate: bytes(),
      committed: null,
    })
  })

  it('keeps the order of saves that are made at once', async () => {
    const store = await make()
    const saves = Array.from({ length: 100 }, (_, i) =>
      store.save(hex('cc'), i % 2 === 0 ? { pacemaker: bytes(i) } : { certificate: bytes(i) }),
    )
    await Promise.all(saves)
    expect(await store.load(hex('cc'))).toEqual({
      pacemaker: bytes(98),
      certificate: bytes(99),
      committed: null,
    })
  })

  it('is not touched by later changes of a caller’s buffer', async () => {
    const store = await make()
    const buffer = bytes(1, 1)
    const saved = store.save(hex('dd'), { pacemaker: buffer })
    buffer.fill(0)
    await saved
    expect((await store.load(hex('dd'))).pacemaker).toEqual(bytes(1, 1))
  })

  it('gives evidence back as it was, the last one saved of a round', async () => {
    const store = await make()
    await store.saveEvidence(evidence)
    expect(await store.evidence(evidence.dutyId, evidence.configDigest, evidence.seqNr)).toEqual(evidence)
    const later = { ...evidence, epoch: 8, reports: [] }
    await store.saveEvidence(later)
    expect(await store.evidence(evidence.dutyId, evidence.configDigest, evidence.seqNr)).toEqual(later)
    expect(await store.evidence(evidence.dutyId, evidence.configDigest, 1n)).toBeNull()
  })
}
