import type { Address, Hex } from './chain.ts'

/** Canonical bytes of a value: `decode` throws on anything that `encode` would not have produced. */
export interface Codec<T> {
  encode(value: T): Uint8Array
  decode(bytes: Uint8Array): T
}

/** The contract whose on-chain configuration names the validators of a duty and that checks its reports. */
export interface ContractRef {
  readonly chainId: number
  readonly address: Address
}

/** The fields of an OCR2 `ConfigSet`, with the contract that they are for: all that its config digest is computed from. */
export interface ConfigFields {
  readonly contract: ContractRef
  readonly configCount: bigint
  readonly signers: readonly Address[]
  readonly transmitters: readonly Address[]
  readonly f: number
  readonly onchainConfig: Hex
  readonly offchainConfigVersion: bigint
  readonly offchainConfig: Hex
}

/** What every call of a duty may know of its configuration. */
export interface DutyContext {
  readonly configDigest: Hex
  readonly n: number
  readonly f: number
  /** This node's oracle index. */
  readonly self: number
  /** Sequence number of the round, from 1, without gaps. */
  readonly seqNr: bigint
  /** The duty's own part of the on-chain configuration. */
  readonly onchainConfig: Uint8Array
  readonly pluginConfig: Uint8Array
  /** Aborts when the round is over or the node stops. */
  readonly signal: AbortSignal
}

/** The part of the context that a pure step may see: equal on every validator. */
export type PureDutyContext = Omit<DutyContext, 'self' | 'signal'>

export interface Attributed<O> {
  /** Oracle index of the observer. */
  readonly oracle: number
  readonly value: O
}

/** How many validators must sign a report. */
export type SignatureRule =
  /** One of f+1 is honest: a feed's rule, and OCR2's. */
  | 'f+1'
  /** floor((n+f)/2)+1: no two different reports can both have so many. */
  | 'quorum'

/** One thing to put on-chain. Signed as keccak256(keccak256(payload) || ctx[0] || ctx[1] || ctx[2]) (OCR2, OCR3 on EVM). */
export interface Report {
  /** The duty's own contract or one of its `destinations`. */
  readonly contract: ContractRef
  /** ABI-encoded `report` argument of `transmit`. */
  readonly payload: Uint8Array
  /** ctx[2], 32 bytes. */
  readonly extraHash: Hex
  /** Gas that its transaction has at least, where an estimate can't know: a callback may do more once it is mined. Not signed. */
  readonly leastGas?: bigint
}

/** What a plugin gives to the quorum engine. Only `query`, `observe` and `shouldTransmit` may differ between nodes. */
export interface Duty<Q, O, R> {
  /** `<plugin id>/<name>`, unique at the node. */
  readonly id: string
  /** Whose configuration the quorum is, and where reports go. */
  readonly contract: ContractRef
  /**
   * Further contracts that get reports, on this chain or others: their owners configured them with the same validators, in
   * the same order. One that is not, or can't be reached, gets none, and holds up nothing else.
   */
  readonly destinations?: readonly ContractRef[]
  /** `f+1` when absent. What the contracts demand. */
  readonly signatures?: SignatureRule
  /**
   * Observations are worth copying: a leader binds itself to its own before it sees those of others. Costs the time of one more
   * `observe` a round. False when absent.
   */
  readonly sealed?: boolean
  readonly codecs: { readonly query: Codec<Q>; readonly observation: Codec<O>; readonly outcome: Codec<R> }
  /**
   * The leader's: what this round is about. Null when there is nothing to do: the leader asks again after a
   * quarter of DeltaRound. Runs on followers as well, to judge a leader that says so: it must only read.
   */
  query(ctx: DutyContext, previous: R | null): Promise<Q | null>
  /** This node's view. Rejecting means: no observation this round. It must check the query against its own data. */
  observe(ctx: DutyContext, query: Q, previous: R | null): Promise<O>
  /** Throws when an observation can't be valid for that query. Pure. */
  validate(ctx: PureDutyContext, query: Q, previous: R | null, observation: O): void
  /** Pure integer code: equal bytes on every validator. At least 2f+1 observations, ascending by oracle. */
  outcome(ctx: PureDutyContext, query: Q, previous: R | null, observations: readonly Attributed<O>[]): R
  /**
   * Pure. Usually empty or one. Several for one contract reach it in their order: their place in the list is the round
   * of their epoch-and-round.
   */
  reports(ctx: PureDutyContext, outcome: R): readonly Report[]
  /** Re-checks the chain before this node spends gas. */
  shouldTransmit(ctx: DutyContext, report: Report, outcome: R): Promise<boolean>
  /**
   * Told of committed outcomes with ascending `seqNr`. Some may be left out: a validator that was behind catches up with
   * the newest alone. After a restart the last one is told again. A rejection is logged and changes nothing.
   */
  onOutcome?(record: CommittedRecord<R>): Promise<void>
}

/** An observation with the consensus-key signature that binds it to its round. */
export interface SignedObservation {
  readonly oracle: number
  readonly observation: Uint8Array
  /** ed25519 over the canonical observation message (`signedBytes` of the engine's README). */
  readonly signature: Uint8Array
}

export interface CommittedRecord<R> {
  readonly dutyId: string
  readonly configDigest: Hex
  readonly seqNr: bigint
  readonly epoch: number
  readonly outcome: R
}

/** A report that enough validators signed. */
export interface AttestedReport {
  readonly index: number
  readonly report: Report
  /** [configDigest, epoch-and-round, extraHash]. */
  readonly context: readonly [Hex, Hex, Hex]
  /** The 32 bytes that were signed. */
  readonly digest: Hex
  /** Exactly as many as the duty's rule asks for, ascending by oracle. r || s || v, 65 bytes. */
  readonly signatures: readonly {
    readonly oracle: number
    readonly signer: Address
    readonly signature: Uint8Array
  }[]
}

/**
 * Everything somebody needs to check a round again; stored by every node that took part in the round, once a report of it is
 * attested. One that restarts in between has lost what it saw of the round.
 */
export interface EvidenceRecord {
  readonly dutyId: string
  readonly configDigest: Hex
  readonly seqNr: bigint
  /** Epoch in which the observations were signed, and its leader: a later epoch may have committed them. */
  readonly epoch: number
  readonly leader: number
  readonly query: Uint8Array
  readonly observations: readonly SignedObservation[]
  readonly outcome: Uint8Array
  readonly reports: readonly AttestedReport[]
  /** Unix milliseconds, this node's clock. */
  readonly recordedAt: number
}

/** What a validator signs with a key of its own. */
export type StatementKind = 'observation' | 'proposal' | 'prepare' | 'commit' | 'epoch-start' | 'report'

/** Bytes that say what they are and where they belong, under a signature (layouts: README of the engine). */
export interface SignedStatement {
  readonly bytes: Uint8Array
  readonly signature: Uint8Array
}

/**
 * A breach of the protocol, in bytes that anybody can check:
 * - `equivocation`: two statements of one validator for one slot. Proof by itself.
 * - `forged-proposal`: a leader signed a proposal that holds a signature which its observer did not make. Proof by itself.
 * - `bad-signature`: one statement under a signature that is not the validator's. That it came from that validator is
 *   this node's word, for whoever knows the protocol can make such bytes.
 */
export interface Offence {
  readonly offence: 'equivocation' | 'forged-proposal' | 'bad-signature'
  readonly statement: StatementKind
  /** Oracle index of the culprit. */
  readonly oracle: number
  /** 0 for reports, which belong to no epoch. */
  readonly epoch: number
  readonly seqNr: bigint
  /** Two for an equivocation, otherwise one. */
  readonly statements: readonly SignedStatement[]
  /** Of a forged proposal: what its inputs and its signatures hash over, and whose signature is false. */
  readonly forged: {
    readonly inputs: Uint8Array
    readonly signatures: Uint8Array
    readonly oracle: number
  } | null
}

/** An offence as a node keeps it. */
export interface OffenceRecord extends Offence {
  /** SHA-256 over culprit, offence and statements: the same offence has the same id at every node. */
  readonly id: Hex
  readonly dutyId: string
  /** Of the quorum. */
  readonly configDigest: Hex
  /** The one that the statements are signed for, so that its keys are at hand: it hashes to the digest in them. */
  readonly configuration: ConfigFields
  /** Unix milliseconds, this node's clock. */
  readonly recordedAt: number
}

/** How often, and how late, a validator takes part, as this node sees it. */
export interface Participation {
  /** Rounds that the other numbers are about: the last 256 at most that this node saw from the proposal on. */
  readonly rounds: number
  /** Of them, those whose outcome holds an observation of it. */
  readonly observed: number
  /** Of them, those in which its prepare arrived. */
  readonly voted: number
  /** How long after a quorum was complete its prepare arrived, milliseconds; 0 for who was part of the quorum; null when none arrived. */
  readonly latenessMs: { readonly mean: number; readonly max: number } | null
  /** Faults counted against it since the configuration began here, by code. */
  readonly faults: Readonly<Record<string, number>>
}

/** An oracle's identities as the on-chain configuration has them. */
export interface OracleIdentity {
  readonly index: number
  readonly signer: Address
  readonly transmitter: Address
  /** ed25519, 32 bytes, hex. */
  readonly peerKey: Hex
  readonly consensusKey: Hex
}

/** A further contract that gets a duty's reports. */
export interface DestinationStatus {
  readonly contract: ContractRef
  /** What its reports are signed for; null while it gets none. */
  readonly configDigest: Hex | null
  readonly reason?: string
}

/** How one duty is doing at this node. */
export interface DutyStatus {
  readonly dutyId: string
  readonly contract: ContractRef
  /** `starting` until its configuration was read; `observer` when this node is not a member; `refused` with a reason when it must not take part. */
  readonly state: 'starting' | 'running' | 'observer' | 'refused' | 'stopped'
  readonly reason?: string
  readonly configDigest: Hex | null
  readonly n: number
  readonly f: number
  readonly self: number | null
  readonly epoch: number
  readonly leader: number | null
  readonly seqNr: bigint
  readonly lastOutcomeAt: number | null
  readonly oracles: readonly (OracleIdentity & {
    readonly connected: boolean
    /** Sequence of the last outcome that holds an observation of this oracle. */
    readonly lastObservedSeqNr: bigint | null
    readonly participation: Participation
  })[]
  readonly destinations: readonly DestinationStatus[]
  /** Signatures that a report needs; 0 while there is no configuration. */
  readonly requiredSignatures: number
  /** Breaches of this node's own part, by code. */
  readonly ownFaults: Readonly<Record<string, number>>
}

/** The quorum capability: register in `setup`; rounds run from `start` to `stop` of the node. */
export interface Quorum {
  register<Q, O, R>(duty: Duty<Q, O, R>): DutyHandle
}
export interface DutyHandle {
  status(): DutyStatus
  /** Evidence that this node holds; null when it never saw that round. */
  evidence(configDigest: Hex, seqNr: bigint): Promise<EvidenceRecord | null>
}

/** What the engine must find again after a crash, per quorum instance (config digest). Opaque bytes: the engine's own canonical messages. */
export interface QuorumSnapshot {
  /** Pacemaker: epoch and highest epoch wish. */
  readonly pacemaker: Uint8Array | null
  /** Highest prepare or commit certificate. */
  readonly certificate: Uint8Array | null
  /** Last committed sequence number and outcome. */
  readonly committed: Uint8Array | null
}

/** Durable memory of the engine. A promise resolves only once the write would survive a crash of the machine. Rejects with `StoreError`. */
export interface QuorumStore {
  load(instance: Hex): Promise<QuorumSnapshot>
  save(instance: Hex, change: Partial<QuorumSnapshot>): Promise<void>
  saveEvidence(record: EvidenceRecord): Promise<void>
  evidence(dutyId: string, configDigest: Hex, seqNr: bigint): Promise<EvidenceRecord | null>
  /** Kept once by id, and at most 64 for one culprit, offence and configuration: who misbehaves must not fill the disk. */
  saveOffence(record: OffenceRecord): Promise<void>
  /** Newest first. `before` is the `cursor` of an earlier answer. */
  offences(
    filter: OffenceFilter,
  ): Promise<{ readonly records: readonly OffenceRecord[]; readonly cursor: string | null }>
  offence(id: Hex): Promise<OffenceRecord | null>
}

export interface OffenceFilter {
  readonly dutyId?: string
  readonly configDigest?: Hex
  readonly oracle?: number
  readonly offence?: Offence['offence']
  readonly limit: number
  readonly before?: string
}
