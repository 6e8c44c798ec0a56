import { createHash } from 'node:crypto'
import type { ContractRef } from '../../../node/ports/quorum.ts'
import type { TimingParameters } from '../../../node/quorum/offchain-config.ts'
import { contractNumber } from '../../../test/quorum/memory/network.ts'
import { type Identity, identityOf as keysOf } from '../../../test/quorum/memory/ports.ts'

/**
 * Nothing is lost here, so nothing is ever due to be sent again or to be given up: whatever runs out in these times
 * shows as a message too many. Leaders wait for all observations, the dearest case.
 */
export const TIMING: TimingParameters = {
  deltaProgress: 3_000_000,
  deltaResend: 1_000_000,
  deltaInitial: 1_000_000,
  deltaRound: 1,
  deltaGrace: 1_000_000,
  deltaStage: 60_000,
  rMax: 1_000_000,
}

export const contractOf = (duty: number): ContractRef => contractNumber(duty)

type Purpose = 'consensus' | 'report' | 'peer' | 'transmitter'

/** 32 bytes for each key of each validator, the same in every thread. */
export function secretOf(seed: Uint8Array, node: number, purpose: Purpose): Uint8Array {
  return createHash('sha256').update(seed).update(`${node}/${purpose}`).digest()
}

export function identityOf(seed: Uint8Array, node: number): Identity {
  return keysOf((purpose) => secretOf(seed, node, purpose))
}
