import type { EvidenceRecord, QuorumSnapshot, QuorumStore } from '../../node/ports/quorum.ts'
import { memoryOffences } from './offences.ts'

const empty: QuorumSnapshot = { pacemaker: null, certificate: null, committed: null }

/** `QuorumStore` in memory. */
export function memoryQuorumStore(): QuorumStore {
  const snapshots = new Map<string, QuorumSnapshot>()
  const evidence = new Map<string, EvidenceRecord>()
  const key = (dutyId: string, configDigest: string, seqNr: bigint) => `${dutyId} ${configDigest} ${seqNr}`
  return {
    load: async (instance) => structuredClone(snapshots.get(instance) ?? empty),
    save: async (instance, change) => {
      const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
      snapshots.set(instance, structuredClone({ ...(snapshots.get(instance) ?? empty), ...given }))
    },
    saveEvidence: async (record) => {
      evidence.set(key(record.dutyId, record.configDigest, record.seqNr), structuredClone(record))
    },
    evidence: async (dutyId, configDigest, seqNr) =>
      structuredClone(evidence.get(key(dutyId, configDigest, seqNr)) ?? null),
    ...memoryOffences(),
  }
}
