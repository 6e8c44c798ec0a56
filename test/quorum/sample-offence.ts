import { hexToBytes, keccak256 } from 'viem'
import type { Offence, OffenceRecord, SignedStatement } from '../../node/ports/quorum.ts'
import { readQuorumConfig } from '../../node/quorum/config.ts'
import { offenceId } from '../../node/quorum/offence.ts'
import { commitSignedBytes } from '../../node/quorum/signed-bytes.ts'
import { contractNumber } from './memory/network.ts'
import { type Identity, MemoryChain, makeIdentity } from './memory/ports.ts'
import { FAST } from './simulation/world.ts'

/** Four validators with real keys, configured on a chain in memory; the third one is the culprit. */
export const identities: readonly Identity[] = [0, 1, 2, 3].map(makeIdentity)
const chain = new MemoryChain()
export const digest = chain.setConfig(contractNumber(0), { identities, f: 1, timing: FAST })
export const otherDigest = chain.setConfig(contractNumber(1), { identities, f: 1, timing: FAST })
chain.head_ += 5n
export const { fields: configuration } = await readQuorumConfig(chain, contractNumber(0))

export const at = { digest: hexToBytes(digest), epoch: 3, seqNr: 9n }
export const CULPRIT = 2
const culprit = identities[CULPRIT] as Identity
export const hash = (byte: number) => new Uint8Array(32).fill(byte)

export const signed = (bytes: Uint8Array, by = culprit): SignedStatement => ({
  bytes,
  signature: by.unguarded.consensus(bytes),
})

export const signedReport = (bytes: Uint8Array, by = culprit): SignedStatement => ({
  bytes,
  signature: by.unguarded.report(hexToBytes(keccak256(bytes))),
})

export function sampleOffence(
  offence: Partial<Offence> & Pick<Offence, 'statement' | 'statements'>,
): OffenceRecord {
  const full: Offence = {
    offence: 'equivocation',
    oracle: CULPRIT,
    epoch: offence.statement === 'report' ? 0 : 3,
    seqNr: offence.statement === 'epoch-start' ? 0n : 9n,
    forged: null,
    ...offence,
  }
  const id = offenceId(digest, full)
  return { ...full, id, dutyId: 'test/duty', configDigest: digest, configuration, recordedAt: 1 }
}

/** Two commits to different outcomes in one slot. */
export const commits: readonly [SignedStatement, SignedStatement] = [
  signed(commitSignedBytes(at, hash(1))),
  signed(commitSignedBytes(at, hash(2))),
]
