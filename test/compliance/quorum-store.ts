import { expect, it } from 'vitest'
import type { Hex } from '../../node/ports/chain.ts'
import type { EvidenceRecord, OffenceRecord, QuorumStore } from '../../node/ports/quorum.ts'

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

const offence = (changes: Partial<OffenceRecord> = {}): OffenceRecord => ({
  id: hex('0a'),
  dutyId: 'oracle/eth-usd',
  configDigest: hex('01'),
  offence: 'equivocation',
  statement: 'prepare',
  oracle: 2,
  epoch: 7,
  seqNr: 2n ** 60n,
  statements: [
    { bytes: bytes(1, 2), signature: new Uint8Array(64).fill(3) },
    { bytes: bytes(1, 3), signature: new Uint8Array(64).fill(4) },
  ],
  forged: null,
  configuration: {
    contract: { chainId: 31337, address },
    configCount: 3n,
    signers: [address],
    transmitters: [address],
    f: 1,
    onchainConfig: '0x',
    offchainConfigVersion: 2n,
    offchainConfig: '0x1234',
  },
  recordedAt: 1_790_000_000_123,
  ...changes,
})
const numbered = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`

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

  it('gives offences back as they were, and keeps each once', async () => {
    const store = await make()
    const forged = { inputs: bytes(1), signatures: bytes(2), oracle: 1 }
    const other = offence({ id: hex('0b'), offence: 'forged-proposal', statement: 'proposal', forged })
    await store.saveOffence(offence())
    await store.saveOffence(other)
    await store.saveOffence(offence({ recordedAt: 1 }))
    expect(await store.offence(hex('0a'))).toEqual(offence())
    expect(await store.offence(hex('0c'))).toBeNull()
    expect(await store.offences({ limit: 10 })).toEqual({ records: [other, offence()], cursor: null })
  })

  it('lists offences newest first, in pages, by what is asked for', async () => {
    const store = await make()
    for (let i = 0; i < 5; i++) await store.saveOffence(offence({ id: numbered(i), oracle: i % 2 }))
    await store.saveOffence(offence({ id: numbered(9), dutyId: 'x/y', offence: 'bad-signature' }))
    const ids = async (filter: Partial<Parameters<QuorumStore['offences']>[0]>) => {
      const { records, cursor } = await store.offences({ limit: 2, ...filter })
      return { ids: records.map(({ id }) => Number(id)), cursor }
    }
    const first = await ids({})
    expect(first.ids).toEqual([9, 4])
    const second = await ids(first.cursor === null ? {} : { before: first.cursor })
    expect(second.ids).toEqual([3, 2])
    expect(await ids(second.cursor === null ? {} : { before: second.cursor })).toEqual({
      ids: [1, 0],
      cursor: null,
    })
    expect((await ids({ oracle: 1, limit: 9 })).ids).toEqual([3, 1])
    expect((await ids({ dutyId: 'x/y' })).ids).toEqual([9])
    expect((await ids({ offence: 'equivocation', limit: 9 })).ids).toEqual([4, 3, 2, 1, 0])
    expect((await ids({ configDigest: hex('ff') })).ids).toEqual([])
  })

  it('keeps at most 64 offences of one culprit and kind', async () => {
    const store = await make()
    for (let i = 0; i < 70; i++) await store.saveOffence(offence({ id: numbered(i) }))
    await store.saveOffence(offence({ id: numbered(99), oracle: 3 }))
    expect((await store.offences({ limit: 100 })).records).toHaveLength(65)
    expect(await store.offence(numbered(99))).not.toBeNull()
  })
}
