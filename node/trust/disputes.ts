import type { AgreementStore } from '../ports/agreement-store.ts'
import type { ChainEvidence, EvidenceKind } from '../ports/chain-evidence.ts'
import type { ChainHalts } from '../ports/chain-trust.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/log.ts'
import type { Witness, WitnessedHeader } from '../ports/witness.ts'
import type { AuditedChain } from './audit-scope.ts'
import type { AuditTimes } from './audit-times.ts'
import type { Difference } from './compare-index.ts'
import { evidenceOf } from './evidence.ts'
import type { TrustInstruments } from './instruments.ts'
import { type Claim, type Investigation, investigate } from './investigate.ts'
import { rootOf } from './prove-block.ts'
import type { Disproved } from './prove-range.ts'
import { sameAsProven } from './proven-logs.ts'
import type { SetAside } from './set-aside.ts'
import type { Range, Statement } from './statement.ts'
import type { Scope } from './take-statement.ts'

interface Modules {
  readonly store: AgreementStore
  readonly halts: ChainHalts
  readonly clock: Clock
  readonly log: Logger
  readonly instruments: TrustInstruments
  readonly aside: SetAside
  /** Providers that count. */
  readonly available: () => readonly Witness[]
}

/** What is done about contradictions of one chain: evidence, providers set aside, the halt of its duties. */
export class Disputes {
  readonly #chain: AuditedChain
  readonly #scope: Scope
  readonly #times: AuditTimes
  readonly #modules: Modules
  #forkSinceMs: number | null = null
  #indexSinceMs: number | null = null

  constructor(
    options: { readonly chain: AuditedChain; readonly scope: Scope; readonly times: AuditTimes },
    modules: Modules,
  ) {
    this.#chain = options.chain
    this.#scope = options.scope
    this.#times = options.times
    this.#modules = modules
  }

  /** Everything is agreed on again. */
  over(): void {
    this.#forkSinceMs = null
    this.#indexSinceMs = null
    this.#modules.halts.clear(this.#chain.id, 'disagreement')
  }

  noFork(): void {
    this.#forkSinceMs = null
  }

  /**
   * Providers stand on one block and contradict each other about it. `agreed`: what they all say when they are asked
   * again. `again`: the liar is set aside and enough others are left.
   */
  async content(
    range: Range,
    statements: readonly Statement[],
  ): Promise<{ readonly agreed: readonly Statement[] | null; readonly again: boolean }> {
    const { hash } = mostCommon(statements).end
    const about = statements.filter(({ end }) => end.hash === hash)
    const found = await investigate(hash, about, { scope: this.#scope, witnesses: this.#modules.available() })
    const [first] = found.claims
    if (found.settled && first !== undefined) {
      this.#modules.log.info(
        { chain: this.#chain.id, block: range.to.toString() },
        'Providers agree when asked again',
      )
      const enough = about.length === statements.length && about.length >= this.#chain.providers
      const agreed = found.claims.map(({ witness, header, logs }) => ({
        witness,
        end: header,
        first: header,
        logs,
      }))
      return { agreed: enough ? agreed : null, again: false }
    }
    const kind = found.claims.every(({ header }) => header.parentHash === first?.header.parentHash)
      ? 'logs'
      : 'header'
    await this.#record(kind, { number: range.to.toString(), hash }, found.claims, found)
    const wrong = found.claims.filter(({ verdict }) => verdict === 'wrong')
    for (const { witness } of wrong)
      this.#setAside(witness, `its ${kind} of block ${range.to} are disproved`, found)
    if (wrong.length === 0)
      return this.#stand(
        `providers say different things of block ${range.to}, and nothing proves who is right`,
      )
    return this.#enoughLeft() ? { agreed: null, again: true } : this.#stand(this.#tooFew())
  }

  /** Providers stand on different blocks at one height, deeper than the confirmations. */
  async fork(range: Range, statements: readonly Statement[]): Promise<void> {
    const now = this.#modules.clock.monotonic()
    this.#forkSinceMs ??= now
    if (now - this.#forkSinceMs < this.#times.forkMs) return
    const claims = statements.map(
      ({ witness, end, logs }): Claim => ({ witness, header: end, logs, verdict: 'unproven' }),
    )
    await this.#record('fork', { number: range.to.toString(), hash: null }, claims)
    this.#stand(`providers have different blocks at ${range.to}: ${whoStandsWhere(statements)}`)
  }

  /** Enough providers agree, and the index holds something else. */
  async index(range: Range, { witness, end, logs }: Statement, found: readonly Difference[]): Promise<void> {
    const now = this.#modules.clock.monotonic()
    this.#indexSinceMs ??= now
    if (now - this.#indexSinceMs < this.#times.indexMs) return
    const block = { number: range.to.toString(), hash: end.hash }
    await this.#record(
      'index',
      block,
      [{ witness, header: end, logs, verdict: 'unproven' }],
      undefined,
      found,
    )
    this.#stand(
      `the index differs from what ${this.#chain.providers} providers say of blocks ${range.from} to ${range.to} in ${found.length} logs: rebuild it (docs/operators.md, "When a chain halts")`,
    )
  }

  /** A provider's receipts have another root than the proven header. */
  async receipts(witness: Witness, header: WitnessedHeader): Promise<void> {
    const claim: Claim = { witness, header, logs: [], verdict: 'wrong' }
    await this.#record('receipts', { number: header.number.toString(), hash: header.hash }, [claim])
    this.#modules.aside.add(
      witness,
      `its receipts of block ${header.number} are disproved`,
      async (asked) => {
        const told = await asked.receipts(header.hash)
        return (await rootOf(told)) === header.receiptsRoot
      },
    )
    if (!this.#enoughLeft()) this.#stand(this.#tooFew())
  }

  /** All who were asked say the same, and receipts disprove it. True when enough others are left to be asked. */
  async disproved({ header, receipts, logs }: Disproved, statements: readonly Statement[]): Promise<boolean> {
    const { hash, number } = header
    const claims = statements.map(({ witness, logs: told }): Claim => {
      return { witness, header, logs: told.filter(({ blockHash }) => blockHash === hash), verdict: 'wrong' }
    })
    await this.#record('logs', { number: number.toString(), hash }, claims, { header, receipts })
    for (const { witness } of claims)
      this.#modules.aside.add(witness, `its logs of block ${number} are disproved`, async (asked) =>
        sameAsProven(await asked.logs({ ...this.#scope, at: { hash } }), logs),
      )
    if (this.#enoughLeft()) return true
    this.#stand(this.#tooFew())
    return false
  }

  #setAside(witness: Witness, reason: string, { isRight }: Investigation): void {
    this.#modules.aside.add(witness, reason, isRight ?? (async () => false))
  }

  #enoughLeft(): boolean {
    return new Set(this.#modules.available().map(({ party }) => party)).size >= this.#chain.providers
  }

  #tooFew(): string {
    const aside = this.#modules.aside.list().map(({ provider, reason }) => `provider ${provider}: ${reason}`)
    return `fewer than ${this.#chain.providers} independent providers are left (${aside.join('; ')}): replace those`
  }

  #stand(reason: string): { readonly agreed: null; readonly again: false } {
    this.#modules.halts.raise({ chainId: this.#chain.id, cause: 'disagreement', reason })
    return { agreed: null, again: false }
  }

  async #record(
    kind: EvidenceKind,
    block: ChainEvidence['block'],
    claims: readonly Claim[],
    proof?: Pick<Investigation, 'header' | 'receipts'>,
    found?: readonly Difference[],
  ): Promise<void> {
    const { clock, instruments, store } = this.#modules
    instruments.contradictions.inc({ chain: this.#chain.id, kind })
    await store.record(
      evidenceOf(
        {
          chainId: this.#chain.id,
          kind,
          block,
          claims,
          ...(proof === undefined ? {} : { proof }),
          ...(found === undefined ? {} : { differences: found }),
        },
        clock.now(),
      ),
    )
  }
}

/** A statement on the block that most stand on. */
function mostCommon(statements: readonly Statement[]): Statement {
  const [largest] = [...Map.groupBy(statements, ({ end }) => end.hash).values()].toSorted(
    (a, b) => b.length - a.length,
  )
  if (largest?.[0] === undefined) throw new TypeError('no statement')
  return largest[0]
}

function whoStandsWhere(statements: readonly Statement[]): string {
  return [...Map.groupBy(statements, ({ end }) => end.hash)]
    .map(
      ([hash, on]) =>
        `${hash} (${on.map(({ witness }) => `provider ${witness.provider}, ${witness.host}`).join('; ')})`,
    )
    .join(', ')
}
