import type { Duty } from '../../../../node/ports/quorum.ts'
import { bindDuty, type DutySettings } from '../../../../node/quorum/bound-duty.ts'
import type { PureDuty } from '../../../../node/quorum/machine/effects.ts'
import type { Random } from '../random.ts'

/** What a liar says instead of what it sees, in the duty's own terms. */
export type Lie = 'far' | 'near' | 'extreme' | 'above'

/** The impure half of a duty in a simulated world, and what its outcomes must be like. */
export interface DutyWorld {
  /** Null: this node sees nothing to do. */
  query(node: number, seqNr: bigint, nowMs: number): Uint8Array | null
  /** Throws when this node has no view of it. */
  observe(node: number, seqNr: bigint, query: Uint8Array, nowMs: number): Uint8Array
  /** What is wrong with an outcome, given honest validators' observations of its round; null when it is sound. */
  problem(outcome: Uint8Array, honest: readonly Uint8Array[]): string | null
  lie(kind: Lie, honest: Uint8Array, random: Random): Uint8Array
}

export interface SimDuty extends DutyWorld {
  bind(settings: DutySettings): PureDuty
}

/** Joins a duty's pure half, as a plugin would give it, with a simulated world. */
export function simDuty<Q, O, R>(
  pure: Pick<Duty<Q, O, R>, 'id' | 'contract' | 'sealed' | 'codecs' | 'validate' | 'outcome' | 'reports'>,
  world: DutyWorld,
): SimDuty {
  // The machine never calls these: the world answers its `query` and `observe` effects.
  const never = () => Promise.reject(new RangeError('asked of the duty itself'))
  const duty: Duty<Q, O, R> = { ...pure, query: never, observe: never, shouldTransmit: never }
  return { ...world, bind: (settings) => bindDuty(duty, settings) }
}

export const CONTRACT = { chainId: 1, address: '0x00000000000000000000000000000000000000aa' } as const
