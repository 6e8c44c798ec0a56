import type { Address, Hex } from '../../ports/chain.ts'
import type { Offence, QuorumSnapshot, SignedStatement, StatementKind } from '../../ports/quorum.ts'
import type { SigningSlot } from '../../ports/signer.ts'
import { type Certificate, encodeCertificate, quorumSize, verifyCertificate } from '../certificate.ts'
import type { QuorumLimits } from '../limits.ts'
import { encodeMessage, type Message } from '../messages.ts'
import type { TimingParameters } from '../offchain-config.ts'
import { commitSignedBytes, prepareSignedBytes, sha256 } from '../signed-bytes.ts'
import type {
  Effect,
  FailureKind,
  FaultCode,
  PureDuty,
  RoundInputs,
  TimerName,
  Verification,
} from './effects.ts'
import { Witness } from './witness.ts'

export interface MachineOptions {
  readonly configDigest: Hex
  /** The same, 32 bytes. */
  readonly digest: Uint8Array
  readonly n: number
  readonly f: number
  readonly self: number
  readonly timing: TimingParameters
  readonly limits: QuorumLimits
  /** 32 bytes; orders leaders. */
  readonly leaderKey: Uint8Array
  /** On-chain signers by oracle. */
  readonly signers: readonly Address[]
  /** How many of them a report needs: f+1 or Q. */
  readonly reportSignatures: number
}

export interface MachineModules {
  readonly duty: PureDuty
  readonly verification: Verification
}

/** What the parts of the machine ask of one another. */
export interface Links {
  /** The epoch changed; nothing of the old one may be said any more. */
  epochLeft(): void
  /** The new epoch is durable. */
  epochEntered(): void
  /** The epoch's start was proven; `highest` is what its rounds begin from. */
  epochStarted(highest: Certificate | null): void
  /** Wish for the epoch after this one. */
  wishNext(): void
  /** A verified commit certificate. `inputs` when this node saw the round. */
  adopt(certificate: Certificate, inputs: RoundInputs | null): void
  /** This node is known to be behind. */
  requestOutcome(from: readonly number[]): void
  /** `peer` is known to be behind. */
  pushOutcome(peer: number): void
}

interface Waiter {
  readonly done: (value: Uint8Array | null) => void
  readonly failed: (reason: string, kind?: FailureKind) => void
}

/** State shared by the machine's parts, and the list of effects they add to. */
export class Core {
  readonly options: MachineOptions
  readonly duty: PureDuty
  readonly verification: Verification
  readonly links: Links
  /** Byzantine quorum Q. */
  readonly quorum: number
  readonly witness: Witness
  epoch = 0
  leader = 0
  /** The start of `epoch` was proven to this node. */
  started = false
  committed: Certificate | null = null
  highest: Certificate | null = null
  #effects: Effect[] = []
  #nextId = 1
  readonly #waiters = new Map<number, Waiter>()
  /** Hashes of certificates already verified, oldest first. */
  readonly #verified = new Set<string>()

  constructor(options: MachineOptions, modules: MachineModules & { readonly links: Links }) {
    this.options = options
    this.duty = modules.duty
    this.verification = modules.verification
    this.links = modules.links
    this.quorum = quorumSize(options.n, options.f)
    this.witness = new Witness(this)
  }

  get committedSeqNr(): bigint {
    return this.committed?.seqNr ?? 0n
  }

  get previousOutcome(): Uint8Array | null {
    return this.committed?.outcome ?? null
  }

  isLeader(): boolean {
    return this.leader === this.options.self
  }

  takeEffects(): Effect[] {
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  emit(effect: Effect): void {
    this.#effects.push(effect)
  }

  fault(code: FaultCode, oracle: number | null, data: Readonly<Record<string, unknown>> = {}): void {
    this.emit({ type: 'fault', code, oracle, data })
  }

  offence(offence: Omit<Offence, 'forged'> & Partial<Pick<Offence, 'forged'>>): void {
    this.emit({ type: 'offence', offence: { forged: null, ...offence } })
  }

  /** A signature that does not verify: a fault, and bytes to show. */
  badSignature(
    oracle: number,
    statement: StatementKind,
    at: { readonly epoch: number; readonly seqNr: bigint },
    signed: SignedStatement,
  ): void {
    const { epoch, seqNr } = at
    this.fault('bad-signature', oracle, { statement, seqNr: seqNr.toString() })
    this.offence({ offence: 'bad-signature', statement, oracle, epoch, seqNr, statements: [signed] })
  }

  drop(reason: string, from: number): void {
    this.emit({ type: 'drop', reason, from })
  }

  setTimer(timer: TimerName, delayMs: number): void {
    this.emit({ type: 'set-timer', timer, delayMs })
  }

  cancelTimer(timer: TimerName): void {
    this.emit({ type: 'cancel-timer', timer })
  }

  encode(message: Message): Uint8Array {
    return encodeMessage(message, this.options.limits)
  }

  broadcast(bytes: Uint8Array): void {
    this.emit({ type: 'broadcast', bytes })
  }

  send(to: number, bytes: Uint8Array): void {
    this.emit({ type: 'send', to, bytes })
  }

  #wait(done: Waiter['done'], failed: Waiter['failed']): number {
    const id = this.#nextId++
    this.#waiters.set(id, { done, failed })
    return id
  }

  /** Delivers the answer to an effect; false when nobody waits for it. */
  settle(id: number, deliver: (waiter: Waiter) => void): boolean {
    const waiter = this.#waiters.get(id)
    if (waiter === undefined) return false
    this.#waiters.delete(id)
    deliver(waiter)
    return true
  }

  /** `done` runs once the change is durable. */
  save(change: Partial<QuorumSnapshot>, done: () => void): void {
    // A failure is final only when the driver stops: then nothing that depended on the write may happen.
    const id = this.#wait(done, () => {})
    this.emit({ type: 'save', id, change })
  }

  /** Asks the guarded consensus key. A refusal is a fault, and this node abstains. */
  sign(
    purpose: 'observation' | 'proposal' | 'prepare' | 'commit' | 'epoch-start',
    position: readonly [bigint, bigint],
    payload: Uint8Array,
    done: (signature: Uint8Array) => void,
  ): void {
    const slot = { purpose, scope: this.options.configDigest, position }
    this.#sign('consensus', slot, payload, done, () => {})
  }

  /** Scope is the digest of the configuration that the report is for. A history line per index: after a restart index 0 of the last outcome is signed again below the others. */
  signReport(
    scope: Hex,
    position: readonly [bigint, bigint],
    digest: Uint8Array,
    done: (signature: Uint8Array) => void,
    refused: (kind?: FailureKind) => void,
  ): void {
    const [, index] = position
    const purpose = index === 0n ? 'report' : `report-${index}`
    this.#sign('report', { purpose, scope, position }, digest, done, refused)
  }

  #sign(
    key: 'consensus' | 'report',
    slot: SigningSlot,
    payload: Uint8Array,
    done: (signature: Uint8Array) => void,
    refused: (kind?: FailureKind) => void,
  ): void {
    const failed = (reason: string, kind?: FailureKind) => {
      if (kind !== 'superseded')
        this.fault('sign-refused', null, { ...slot, position: slot.position.map(String), reason })
      refused(kind)
    }
    const id = this.#wait((value) => (value === null ? failed('no signature') : done(value)), failed)
    this.emit({ type: 'sign', id, key, slot, payload })
  }

  query(seqNr: bigint, done: (query: Uint8Array | null) => void, failed: (reason: string) => void): void {
    this.emit({ type: 'query', id: this.#wait(done, failed), seqNr, previous: this.previousOutcome })
  }

  observe(
    seqNr: bigint,
    query: Uint8Array,
    done: (observation: Uint8Array) => void,
    failed: (reason: string) => void,
  ): void {
    const id = this.#wait((value) => (value === null ? failed('no observation') : done(value)), failed)
    this.emit({ type: 'observe', id, seqNr, query, previous: this.previousOutcome })
  }

  /** Verifies a certificate once: the same bytes again cost one hash. */
  verifyCertificate(certificate: Certificate): boolean {
    const key = Buffer.from(sha256(encodeCertificate(certificate, this.options.limits))).toString('hex')
    if (this.#verified.has(key)) return true
    const { digest, n, f } = this.options
    const valid = verifyCertificate(certificate, { digest, n, f, verify: this.verification.consensus })
    if (valid) {
      this.#remember(key)
      this.#noteSignatures(certificate)
    }
    return valid
  }

  /** Its signers may have told this node something else. */
  #noteSignatures(certificate: Certificate): void {
    const { kind, epoch, seqNr, inputsHash, outcome } = certificate
    const outcomeHash = sha256(outcome)
    const at = { digest: this.options.digest, epoch, seqNr }
    for (const { oracle, signature } of certificate.signatures) {
      this.witness.note({
        ...{ oracle, statement: kind, epoch, seqNr, signature, verified: true, from: oracle },
        content: kind === 'commit' ? outcomeHash : Buffer.concat([inputsHash, outcomeHash]),
        // Not the certificate itself: it holds the outcome, and is remembered for a while.
        bytes: () =>
          kind === 'commit'
            ? commitSignedBytes(at, outcomeHash)
            : prepareSignedBytes(at, inputsHash, outcomeHash),
      })
    }
  }

  /** For certificates made here from signatures that were checked one by one. Returns its bytes. */
  trust(certificate: Certificate): Uint8Array {
    const bytes = encodeCertificate(certificate, this.options.limits)
    this.#remember(Buffer.from(sha256(bytes)).toString('hex'))
    return bytes
  }

  #remember(key: string): void {
    this.#verified.add(key)
    for (const oldest of this.#verified) {
      if (this.#verified.size <= 16) break
      this.#verified.delete(oldest)
    }
  }
}

/** What a callee may throw, as text for a fault's data. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
