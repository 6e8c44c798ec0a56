import type { Hex } from '../ports/chain.ts'
import type { Clock } from '../ports/clock.ts'
import type { IndexReader } from '../ports/index-reader.ts'
import type { Witness, WitnessedHeader } from '../ports/witness.ts'
import type { ArgumentsOf, AuditedChain } from './audit-scope.ts'
import { blockTimes } from './block-times.ts'
import { type Difference, differences } from './compare-index.ts'
import type { TrustInstruments } from './instruments.ts'
import { proveRange, type RangeProof } from './prove-range.ts'
import type { Range, Statement } from './statement.ts'
import type { Scope } from './take-statement.ts'

const MOST_ROWS = 10_000
/** Where nobody could prove anything, it is tried again after this. */
const NO_PROOF_MS = 600_000

export interface RangeVerdict {
  /** Null where nothing was to be proven. */
  readonly proof: RangeProof | null
  /** The index holds more rows than are compared at once. */
  readonly tooMany: boolean
  readonly differences: readonly Difference[]
}

interface Modules {
  readonly index: Pick<IndexReader, 'select'>
  readonly argumentsOf: ArgumentsOf
  readonly clock: Clock
  readonly instruments: TrustInstruments
  /** Providers that count. */
  readonly available: () => readonly Witness[]
}

/** Checks what enough providers say of a range: against receipts near the head, and against the index. */
export class RangeCheck {
  readonly #chain: AuditedChain
  readonly #scope: Scope
  readonly #names: readonly string[]
  readonly #modules: Modules
  #noProofUntilMs = Number.NEGATIVE_INFINITY
  #noTimesUntilMs = Number.NEGATIVE_INFINITY

  constructor(options: { readonly chain: AuditedChain; readonly scope: Scope }, modules: Modules) {
    this.#chain = options.chain
    this.#scope = options.scope
    this.#names = [...new Set(options.chain.events.map(({ name }) => name))]
    this.#modules = modules
  }

  /**
   * `statements` say the same. `isLive`: near enough to the head to be proven; a past is compared only. Rejects as the
   * index does.
   */
  async check(range: Range, statements: readonly Statement[], isLive: boolean): Promise<RangeVerdict> {
    const proof = isLive ? await this.#prove(statements) : null
    if (proof !== null && proof.disproved !== null) return { proof, tooMany: false, differences: [] }
    const rows = await this.#modules.index.select({
      table: 'event',
      where: [
        { column: 'chainId', op: '=', value: this.#chain.id },
        { column: 'blockNumber', op: '>=', value: range.from },
        { column: 'blockNumber', op: '<=', value: range.to },
        // Only what is compared: the table also has events of operators' own contracts, which no duty relies on.
        { column: 'name', op: 'in', value: this.#names },
      ],
      limit: MOST_ROWS,
      complete: { chainId: this.#chain.id, block: range.to },
    })
    const found = differences(
      statements[0]?.logs ?? [],
      rows,
      this.#chain.events,
      this.#modules.argumentsOf,
      await this.#times(statements, proof?.headers ?? []),
    )
    return { proof, tooMany: rows.length === MOST_ROWS, differences: found }
  }

  async #prove(statements: readonly Statement[]): Promise<RangeProof | null> {
    const { available, clock, instruments } = this.#modules
    const [statement] = statements
    if (statement === undefined || this.#scope.addresses.length === 0) return null
    if (clock.monotonic() < this.#noProofUntilMs) return null
    // Who just answered will do so again; then the others.
    const answered = statements.map(({ witness }) => witness).toSorted((a, b) => a.provider - b.provider)
    const others = available().filter((witness) => !answered.includes(witness))
    const proof = await proveRange(statement, { scope: this.#scope, witnesses: [...answered, ...others] })
    instruments.proofs.inc({ chain: this.#chain.id, outcome: 'proven' }, proof.proven)
    instruments.proofs.inc({ chain: this.#chain.id, outcome: 'unproven' }, proof.unproven)
    if (proof.unproven > 0 && proof.proven === 0) this.#noProofUntilMs = clock.monotonic() + NO_PROOF_MS
    return proof
  }

  /** When the blocks with logs were made. Where headers have a form of their own, that of some blocks is all there is. */
  async #times(
    statements: readonly Statement[],
    headers: readonly WitnessedHeader[],
  ): Promise<ReadonlyMap<Hex, number>> {
    const { clock } = this.#modules
    const known = [...statements.flatMap(({ first, end }) => [first, end]), ...headers]
    const hashes = statements.flatMap(({ logs }) => logs.map(({ blockHash }) => blockHash))
    if (clock.monotonic() < this.#noTimesUntilMs) return await blockTimes([], known, [])
    const witnesses = statements.map(({ witness }) => witness)
    const times = await blockTimes(hashes, known, witnesses)
    if (hashes.some((hash) => !times.has(hash))) this.#noTimesUntilMs = clock.monotonic() + NO_PROOF_MS
    return times
  }
}
