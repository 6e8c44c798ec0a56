import { type LeaderWord, MESSAGE_KIND, type MessageKind } from '../messages.ts'
import type { RoundInputs } from './effects.ts'
import { Votes } from './votes.ts'

/** The outcome this node stands for in a round. */
export interface Candidate {
  readonly inputsHash: Uint8Array
  readonly outcomeHash: Uint8Array
  readonly outcome: Uint8Array
  /** Null when re-proposed from a certificate whose proposal this node never saw. */
  readonly inputs: RoundInputs | null
  /** The leader's signature of the proposal; null when re-proposed. */
  readonly proposal: LeaderWord | null
}

export interface PrepareVote {
  readonly inputsHash: Uint8Array
  readonly outcomeHash: Uint8Array
  readonly signature: Uint8Array
  readonly proposal: LeaderWord | null
}
export interface CommitVote {
  readonly outcomeHash: Uint8Array
  readonly signature: Uint8Array
}

/** One sequence number in one epoch, as a follower sees it. Replaced, never reused: identity tells whether it is still on. */
export class Round {
  readonly seqNr: bigint
  readonly prepares: Votes<PrepareVote>
  readonly commits: Votes<CommitVote>
  query: Uint8Array | null = null
  /** What the leader bound itself to at the round's start; undefined while this node has not seen that. */
  seal: Uint8Array | null | undefined = undefined
  candidate: Candidate | null = null
  /** Hash of the inputs of the accepted proposal. */
  proposalHash: Uint8Array | null = null
  proposalAttempts = 0
  startAttempts = 0
  /** A prepare quorum was reached. */
  prepared = false
  committing = false
  /** This node asks its own duty whether the leader is right that there is nothing to do. */
  judgingIdle = false
  askedForOutcome = false
  /** Own messages, for resending. */
  observation: Uint8Array | null = null
  prepare: Uint8Array | null = null
  commit: Uint8Array | null = null
  readonly #seen: Seen

  constructor(seqNr: bigint, n: number) {
    this.seqNr = seqNr
    this.prepares = new Votes(n)
    this.commits = new Votes(n)
    this.#seen = new Seen(seqNr, n)
  }

  get seen(): Seen {
    return this.#seen
  }
}

/** Which kinds each peer sent for a sequence number: a repeat for one already committed means that the peer is stuck there. */
export class Seen {
  readonly seqNr: bigint
  readonly #kinds: number[]

  constructor(seqNr: bigint, n: number) {
    this.seqNr = seqNr
    this.#kinds = new Array<number>(n).fill(0)
  }

  /** True when this kind came before. */
  mark(from: number, kind: MessageKind): boolean {
    const bit = 1 << MESSAGE_KIND[kind]
    const before = this.#kinds[from] ?? 0
    this.#kinds[from] = before | bit
    return (before & bit) !== 0
  }
}
