import type { Hex } from '../../ports/chain.ts'
import type { AttestedReport, Offence, QuorumSnapshot, SignedObservation } from '../../ports/quorum.ts'
import type { SigningSlot } from '../../ports/signer.ts'
import type { PlacedReport } from '../digest.ts'

export type TimerName = 'resend' | 'initial' | 'progress' | 'round' | 'look' | 'grace'

/** Why a peer, or this node's own part, was found wanting. `oracle` is the culprit; null when it is this node. */
export type FaultCode =
  | 'bad-message'
  | 'bad-signature'
  | 'bad-certificate'
  | 'bad-proposal'
  | 'bad-query'
  | 'bad-observation'
  | 'equivocation'
  | 'divergent-inputs'
  | 'divergent-outcome'
  | 'not-leader'
  | 'observe-failed'
  | 'query-failed'
  | 'outcome-failed'
  | 'reports-failed'
  | 'sign-refused'

/** `passing`: the same may succeed later. `superseded`: a newer request made this one pointless; nobody failed. */
export type FailureKind = 'passing' | 'superseded'

/** What was agreed on, as far as this node saw it. */
export interface RoundInputs {
  /** Epoch in which the observations were signed: earlier than the commit's after a re-proposal. */
  readonly epoch: number
  readonly leader: number
  readonly query: Uint8Array
  readonly observations: readonly SignedObservation[]
}

/** What the machine wants done. Those with an `id` are answered by exactly one `done` or `failed` input. */
export type Effect =
  | { readonly type: 'send'; readonly to: number; readonly bytes: Uint8Array }
  | { readonly type: 'broadcast'; readonly bytes: Uint8Array }
  /** Answer once durable; saves of one field take effect in the order asked. */
  | { readonly type: 'save'; readonly id: number; readonly change: Partial<QuorumSnapshot> }
  | {
      readonly type: 'sign'
      readonly id: number
      readonly key: 'consensus' | 'report'
      readonly slot: SigningSlot
      readonly payload: Uint8Array
    }
  /** The duty's `query`; answered with null when there is nothing to do. */
  | {
      readonly type: 'query'
      readonly id: number
      readonly seqNr: bigint
      readonly previous: Uint8Array | null
    }
  | {
      readonly type: 'observe'
      readonly id: number
      readonly seqNr: bigint
      readonly query: Uint8Array
      readonly previous: Uint8Array | null
    }
  /** The round is over: abort the duty's queries and observations. */
  | { readonly type: 'abort-work' }
  | { readonly type: 'set-timer'; readonly timer: TimerName; readonly delayMs: number }
  | { readonly type: 'cancel-timer'; readonly timer: TimerName }
  | { readonly type: 'epoch'; readonly epoch: number; readonly leader: number }
  | {
      readonly type: 'committed'
      readonly seqNr: bigint
      readonly epoch: number
      readonly outcome: Uint8Array
      readonly inputs: RoundInputs | null
    }
  | {
      readonly type: 'attested'
      readonly seqNr: bigint
      readonly epoch: number
      readonly outcome: Uint8Array
      readonly inputs: RoundInputs | null
      /** All reports of the outcome for one contract, in order. */
      readonly reports: readonly AttestedReport[]
      /** These and those attested before them. */
      readonly all: readonly AttestedReport[]
      /** Nothing of this outcome waits any more. */
      readonly complete: boolean
    }
  | {
      readonly type: 'fault'
      readonly code: FaultCode
      readonly oracle: number | null
      readonly data: Readonly<Record<string, unknown>>
    }
  /** A breach that can be shown to others. Its fault is emitted beside it. */
  | { readonly type: 'offence'; readonly offence: Offence }
  /** A quorum of prepares is complete. */
  | { readonly type: 'prepared'; readonly seqNr: bigint }
  /** A peer's prepare arrived, perhaps after the quorum. */
  | { readonly type: 'voted'; readonly oracle: number; readonly seqNr: bigint }
  /** A message that was not worth keeping: counted, nothing more. */
  | { readonly type: 'drop'; readonly reason: string; readonly from: number }

export type Input =
  | { readonly type: 'message'; readonly from: number; readonly bytes: Uint8Array }
  | { readonly type: 'timer'; readonly timer: TimerName }
  | { readonly type: 'done'; readonly id: number; readonly value: Uint8Array | null }
  | {
      readonly type: 'failed'
      readonly id: number
      readonly reason: string
      /** Absent: asking again would not help. */
      readonly kind?: FailureKind
    }

/** The pure half of a duty, on bytes. All but `reports` throw for what is invalid. */
export interface PureDuty {
  /** See `Duty.sealed`. */
  readonly sealed: boolean
  checkQuery(query: Uint8Array): void
  validate(seqNr: bigint, query: Uint8Array, previous: Uint8Array | null, observation: Uint8Array): void
  outcome(
    seqNr: bigint,
    query: Uint8Array,
    previous: Uint8Array | null,
    observations: readonly SignedObservation[],
  ): Uint8Array
  /** Pure but for what is known of the destinations: a validator may leave out, or place otherwise, reports to them. */
  reports(seqNr: bigint, outcome: Uint8Array): readonly PlacedReport[]
}

/** Signature checks: pure functions of their arguments and the on-chain configuration. */
export interface Verification {
  consensus(oracle: number, message: Uint8Array, signature: Uint8Array): boolean
  /** Address that signed a report digest, lower case. Cheaper for an `expected` one that came before; then null for any other. */
  recover(digest: Uint8Array, signature: Uint8Array, expected?: Hex): Hex | null
}
