import type { Hex } from '../../../node/ports/chain.ts'
import type { QuorumSnapshot } from '../../../node/ports/quorum.ts'
import type { SigningSlot } from '../../../node/ports/signer.ts'
import { sameBytes } from '../../../node/quorum/bytes.ts'
import {
  type Certificate,
  certificateSignedBytes,
  decodeCertificate,
} from '../../../node/quorum/certificate.ts'
import type { QuorumLimits } from '../../../node/quorum/limits.ts'
import type {
  Effect,
  FaultCode,
  PureDuty,
  RoundInputs,
  Verification,
} from '../../../node/quorum/machine/effects.ts'
import { observationSignedBytes } from '../../../node/quorum/signed-bytes.ts'
import type { SimDuty } from './duties/duty.ts'

export type Rule =
  | 'one-outcome'
  | 'lock'
  | 'gapless'
  | 'certificate'
  | 'validity'
  | 'inputs'
  | 'double-sign'
  | 'bounded'
  | 'durable-first'
  | 'secrecy'
  | 'accusation'
  | 'unnamed'
  | 'report'
  | 'contract'
  | 'liveness'
  | 'broke'

export class InvariantViolation extends Error {
  readonly rule: Rule

  constructor(rule: Rule, message: string) {
    super(message)
    this.rule = rule
  }
}

export interface InvariantOptions {
  readonly n: number
  readonly f: number
  readonly digest: Uint8Array
  readonly limits: QuorumLimits
  readonly signers: readonly Hex[]
  /** That the contract demands. */
  readonly reportSignatures: number
}

export interface InvariantModules {
  readonly duty: SimDuty
  readonly pure: PureDuty
  readonly verification: Verification
  /** Runs this protocol and keeps its disk: may not be blamed, and binds what outcomes must be like. */
  readonly honest: (node: number) => boolean
  /** Throws `InvariantViolation`, with time and seed. */
  readonly fail: (rule: Rule, message: string) => never
}

/** What must hold whatever up to f validators and the network do; told of everything, at once, by the nodes. */
export class Invariants {
  /** The one outcome of each sequence number, by whoever committed it first. */
  readonly outcomes = new Map<bigint, Uint8Array>()
  /** Digests of the reports of each committed outcome that was attested. */
  readonly attested = new Map<bigint, readonly Hex[]>()
  /** Outcomes whose round an honest validator saw: they were computed again. */
  recomputed = 0
  readonly #options: InvariantOptions
  readonly #modules: InvariantModules
  readonly #signed = new Map<string, Hex>()
  readonly #checkedInputs = new Set<bigint>()
  readonly #committers = new Map<bigint, number>()
  readonly #observed = new Map<bigint, Uint8Array[]>()
  readonly #reports = new Map<bigint, readonly Hex[]>()
  readonly #trueReports = new Set<Hex>()

  constructor(options: InvariantOptions, modules: InvariantModules) {
    this.#options = options
    this.#modules = modules
  }

  /** A process begins from its disk: what that says is committed was perhaps never told. */
  booted(node: number, { committed }: QuorumSnapshot): bigint {
    if (committed === null) return 0n
    const { seqNr, outcome } = decodeCertificate(committed, this.#options.limits)
    this.#outcome(node, seqNr, outcome)
    return seqNr
  }

  #outcome(node: number, seqNr: bigint, outcome: Uint8Array): void {
    const known = this.outcomes.get(seqNr)
    if (known === undefined) {
      if (seqNr > 1n && !this.outcomes.has(seqNr - 1n)) {
        this.#modules.fail(
          'gapless',
          `node ${node} commits ${seqNr}, and nobody ever committed ${seqNr - 1n}`,
        )
      }
      this.outcomes.set(seqNr, outcome)
      for (const digest of this.reportsOf(seqNr)) this.#trueReports.add(digest)
    } else if (!sameBytes(known, outcome)) {
      this.#modules.fail('one-outcome', `node ${node} commits another outcome for ${seqNr}`)
    }
  }

  /** Digests of the reports of a committed outcome. */
  reportsOf(seqNr: bigint): readonly Hex[] {
    const known = this.#reports.get(seqNr)
    const outcome = this.outcomes.get(seqNr)
    if (known !== undefined || outcome === undefined) return known ?? []
    const digests = this.#modules.pure.reports(seqNr, outcome).map(({ digest }) => digest)
    this.#reports.set(seqNr, digests)
    return digests
  }

  /** `before`: the last sequence number that this process knew as committed. */
  committed(
    node: number,
    before: bigint,
    effect: Extract<Effect, { type: 'committed' }>,
    disk: QuorumSnapshot,
  ): void {
    const { seqNr, outcome, inputs } = effect
    const { fail } = this.#modules
    if (seqNr <= before) fail('one-outcome', `node ${node} commits ${seqNr} again, after ${before}`)
    this.#certificate(node, seqNr, outcome, disk.committed)
    this.#outcome(node, seqNr, outcome)
    this.#valid(node, seqNr, outcome, inputs)
    if (this.#modules.honest(node)) this.#committers.set(seqNr, 1 + (this.#committers.get(seqNr) ?? 0))
  }

  #certificate(node: number, seqNr: bigint, outcome: Uint8Array, bytes: Uint8Array | null): void {
    const { fail } = this.#modules
    const { limits } = this.#options
    const certificate = bytes === null ? null : decodeCertificate(bytes, limits)
    // A later one may already be there: it was written while this one's write was being acknowledged.
    if (certificate !== null && certificate.seqNr > seqNr) return
    if (certificate === null || certificate.seqNr < seqNr) {
      fail('durable-first', `node ${node} commits ${seqNr} before it is on disk`)
      return
    }
    const proves = certificate.kind === 'commit' && sameBytes(certificate.outcome, outcome)
    if (!proves || !this.#isSigned(certificate))
      fail('certificate', `node ${node} commits ${seqNr} by a certificate that does not prove it`)
  }

  /** What is written down as prepared must prove it: a later epoch may have to begin from it. */
  saved(node: number, { certificate: bytes }: Partial<QuorumSnapshot>): void {
    if (bytes === undefined || bytes === null) return
    const certificate = decodeCertificate(bytes, this.#options.limits)
    if (certificate.kind !== 'prepare' || !this.#isSigned(certificate))
      this.#modules.fail(
        'certificate',
        `node ${node} writes down a prepare of ${certificate.seqNr} that proves nothing`,
      )
  }

  #isSigned(certificate: Certificate): boolean {
    const { n, f, digest } = this.#options
    const oracles = new Set(certificate.signatures.map(({ oracle }) => oracle).filter((oracle) => oracle < n))
    const message = certificateSignedBytes(digest, certificate)
    const valid = certificate.signatures.every((each) =>
      this.#modules.verification.consensus(each.oracle, message, each.signature),
    )
    return valid && 2 * oracles.size > n + f
  }

  /** An honest validator's observation, however the round ends. */
  observed(seqNr: bigint, observation: Uint8Array): void {
    const known = this.#observed.get(seqNr)
    if (known === undefined) this.#observed.set(seqNr, [observation])
    else known.push(observation)
  }

  #valid(node: number, seqNr: bigint, outcome: Uint8Array, inputs: RoundInputs | null): void {
    const { duty, fail, honest } = this.#modules
    if (inputs === null) {
      // Caught up: of its round this node knows nothing. What anybody honest saw for it bounds it all the same.
      const seen = this.#observed.get(seqNr) ?? []
      const problem = seen.length === 0 ? 'nobody honest observed it' : duty.problem(outcome, seen)
      if (problem !== null) fail('validity', `outcome ${seqNr}: ${problem}`)
      return
    }
    if (this.#checkedInputs.has(seqNr)) return
    this.#checkedInputs.add(seqNr)
    this.#recompute(node, seqNr, outcome, inputs)
    const included = inputs.observations.filter(({ oracle }) => honest(oracle))
    const problem =
      included.length === 0
        ? 'no honest observation is among its inputs'
        : duty.problem(
            outcome,
            included.map(({ observation }) => observation),
          )
    if (problem !== null) fail('validity', `outcome ${seqNr}: ${problem}`)
  }

  /** As somebody would who checks the evidence of the round. */
  #recompute(node: number, seqNr: bigint, outcome: Uint8Array, inputs: RoundInputs): void {
    const { fail, pure, verification } = this.#modules
    const { f, n, digest } = this.#options
    const { epoch, query, observations } = inputs
    this.recomputed++
    const oracles = new Set(observations.map(({ oracle }) => oracle).filter((oracle) => oracle < n))
    const signed = observations.every(({ oracle, observation, signature }) =>
      verification.consensus(
        oracle,
        observationSignedBytes({ digest, epoch, seqNr }, query, observation),
        signature,
      ),
    )
    if (oracles.size < 2 * f + 1 || oracles.size < observations.length || !signed)
      fail('inputs', `node ${node}: the inputs of ${seqNr} are not 2f+1 signed observations`)
    const previous = seqNr === 1n ? null : (this.outcomes.get(seqNr - 1n) ?? null)
    if (!sameBytes(pure.outcome(seqNr, query, previous, observations), outcome))
      fail('inputs', `node ${node}: outcome ${seqNr} does not follow from its inputs`)
  }

  reported(node: number, effect: Extract<Effect, { type: 'attested' }>): void {
    const { fail } = this.#modules
    const digests = effect.reports.map(({ digest }) => digest)
    const expected = this.reportsOf(effect.seqNr)
    if (digests.length !== expected.length || digests.some((digest, i) => digest !== expected[i]))
      fail('report', `node ${node} attests other reports of ${effect.seqNr} than its outcome has`)
    for (const { digest, signatures } of effect.reports) {
      const oracles = signatures.map(({ oracle }) => oracle)
      const ascending = oracles.every((oracle, i) => i === 0 || oracle > (oracles[i - 1] ?? oracle))
      if (!ascending) fail('report', `node ${node}: signers of report ${effect.seqNr} are not ascending`)
      const taken = this.submit(
        digest,
        signatures.map(({ signature }) => signature),
      )
      if (!taken) fail('report', `node ${node}: the contract refuses the report of ${effect.seqNr}`)
    }
    this.attested.set(effect.seqNr, digests)
  }

  /** As the contract: true for as many distinct signers as it demands. Anybody may try, and only what was committed may get through. */
  submit(digest: Hex, signatures: readonly Uint8Array[]): boolean {
    const { verification, fail } = this.#modules
    const { signers, reportSignatures } = this.#options
    const recovered = signatures.map((signature) =>
      verification.recover(Uint8Array.from(Buffer.from(digest.slice(2), 'hex')), signature),
    )
    const known = new Set(recovered.filter((signer) => signer !== null && signers.includes(signer)))
    if (known.size !== signatures.length || known.size !== reportSignatures) return false
    if (!this.#trueReports.has(digest))
      fail('contract', `the contract takes report ${digest}, which was never agreed on`)
    return true
  }

  /** A guarded key gave a signature away. */
  released(node: number, slot: SigningSlot, payload: Hex): void {
    const place = `${node}/${slot.purpose}/${slot.scope}/${slot.position[0]}/${slot.position[1]}`
    const earlier = this.#signed.get(place)
    if (earlier !== undefined && earlier !== payload)
      this.#modules.fail('double-sign', `node ${node} signs twice for ${slot.purpose} at ${slot.position}`)
    this.#signed.set(place, payload)
  }

  fault(node: number, code: FaultCode, oracle: number | null): void {
    if (oracle !== null && this.#modules.honest(oracle))
      this.#modules.fail('accusation', `node ${node} blames node ${oracle}, which is honest, for ${code}`)
  }

  /** Over a calm network: what enough honest validators committed by themselves is attested. */
  checkAttested(after: bigint, upTo: bigint): void {
    const { reportSignatures } = this.#options
    for (let seqNr = after + 1n; seqNr <= upTo; seqNr++) {
      const signers = this.#committers.get(seqNr) ?? 0
      if (signers < reportSignatures || this.reportsOf(seqNr).length === 0 || this.attested.has(seqNr))
        continue
      this.#modules.fail(
        'report',
        `${signers} honest validators committed ${seqNr}, and nobody has its signatures`,
      )
    }
  }
}
