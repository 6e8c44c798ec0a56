import { keccak256, stringToHex } from 'viem'
import type { AgreementStore } from '../ports/agreement-store.ts'
import type { Hex } from '../ports/chain.ts'
import type { BlockPlace, ChainHalt, ChainHalts, ChainTrust, TrustStatus } from '../ports/chain-trust.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { IndexReader } from '../ports/index-reader.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import type { Witness, Witnesses } from '../ports/witness.ts'
import type { ArgumentsOf, AuditedChain } from './audit-scope.ts'
import { type AuditTimes, auditTimes } from './audit-times.ts'
import { Auditor } from './auditor.ts'
import { TrustError } from './errors.ts'
import { trustInstruments } from './instruments.ts'
import { askPanel } from './panel.ts'
import { SetAside } from './set-aside.ts'

export interface ChainTrustOptions {
  readonly chains: readonly AuditedChain[]
  /** How often the index is looked at. */
  readonly pollMs: number
  readonly times?: Partial<AuditTimes>
}

export interface ChainTrustModules {
  readonly witnesses: Witnesses
  readonly index: Pick<IndexReader, 'select' | 'freshness'>
  readonly store: AgreementStore
  readonly argumentsOf: ArgumentsOf
  readonly halts: ChainHalts
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
}

export interface AuditedTrust extends ChainTrust {
  /** Goes on where an earlier run was, once the index says which build it is. */
  start(): void
  stop(): Promise<void>
  status(): readonly TrustStatus[]
  /** The providers of a chain that count: all but those that are proven wrong. */
  counting(chainId: number): readonly Witness[]
}

/** Audits the index of every chain against its providers, and says what may be signed for. */
export function chainTrust(options: ChainTrustOptions, modules: ChainTrustModules): AuditedTrust {
  const { clock, halts, index, log } = modules
  const times = { ...auditTimes, ...options.times }
  const instruments = trustInstruments(modules.metrics)
  const waiters = new Set<() => void>()
  const tell = () => {
    for (const wake of waiters) wake()
  }
  const entries = new Map(
    options.chains.map((chain) => {
      const aside = new SetAside(
        { chainId: chain.id, pauseMs: times.asideMs },
        { clock, log, gauge: instruments.setAside },
      )
      const auditor = new Auditor({ chain, times, onChange: tell }, { ...modules, aside, instruments })
      return [chain.id, { auditor, aside, digest: digestOf(chain) }] as const
    }),
  )
  let timer: Timer | null = null
  let looking: Promise<void> | null = null
  let running = false

  const haltsOf = (chainId: number) => halts.list().filter((halt) => halt.chainId === chainId)
  const auditorOf = (chainId: number): Auditor => {
    const entry = entries.get(chainId)
    if (entry === undefined)
      throw new TrustError('TRUST_UNKNOWN_CHAIN', `Configure chain ${chainId} before it is used`, {
        data: { chainId },
      })
    return entry.auditor
  }

  async function look(): Promise<void> {
    try {
      for (const { chainId, head, indexed, build } of await index.freshness()) {
        const entry = entries.get(chainId)
        if (entry === undefined || head === null || indexed === null) continue
        const scope = keccak256(stringToHex(`${entry.digest} ${build ?? ''}`))
        entry.auditor.see({ head: head.number, indexed: indexed.number, scope })
      }
    } catch (error) {
      log.debug({ err: error }, 'Look at the index again later')
    }
    // A halt of another cause wakes who waits, too.
    if (halts.list().length > 0) tell()
    if (running) timer = clock.setTimer(options.pollMs, turn)
  }
  function turn(): void {
    looking = look()
  }

  function counting(chainId: number): readonly Witness[] {
    const aside = entries.get(chainId)?.aside
    return modules.witnesses.of(chainId).filter((witness) => aside?.has(witness) !== true)
  }

  /** The block that enough independent providers have at a height that is agreed on. */
  async function hashAt(auditor: Auditor, number: bigint): Promise<Hex | null> {
    const known = auditor.hashAt(number)
    if (known !== null) return known
    const { id, providers } = auditor.chain
    const { answers } = await askPanel(
      {
        witnesses: counting(id),
        k: providers,
        hedgeMs: times.hedgeMs,
        ask: async (witness) => {
          const header = await witness.header(number)
          if (header === null) throw new TypeError('it has no such block')
          return header.hash
        },
        disputed: (hashes) => new Set(hashes).size > 1,
      },
      { clock },
    )
    const [hash] = answers
    if (hash === undefined || answers.length < providers || new Set(answers).size > 1) return null
    auditor.know(number, hash)
    return hash
  }

  /** Resolves when something changed, and after `ms` at the latest. */
  function change(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        late.cancel()
        waiters.delete(wake)
        resolve()
      }
      const late = clock.setTimer(ms, wake)
      waiters.add(wake)
    })
  }

  return {
    agreed(chainId) {
      const { newest } = auditorOf(chainId)
      return newest === null || haltsOf(chainId).length > 0 ? null : { chainId, ...newest }
    },
    halts: () => halts.list(),
    counting,
    async waitFor(block, timeoutMs) {
      const auditor = auditorOf(block.chainId)
      const deadline = clock.monotonic() + timeoutMs
      for (;;) {
        const [halt] = haltsOf(block.chainId)
        if (halt !== undefined) throw halted(block, halt)
        if (auditor.newest !== null && auditor.newest.number >= block.number) {
          const hash = await hashAt(auditor, block.number)
          if (hash === block.hash.toLowerCase()) return
          if (hash !== null) throw otherBlock(block)
        }
        const left = deadline - clock.monotonic()
        if (left <= 0) throw notAgreed(block, auditor)
        await change(Math.min(left, times.retryMs))
      }
    },
    start() {
      running = true
      turn()
    },
    async stop() {
      running = false
      timer?.cancel()
      tell()
      await looking
      await Promise.all([...entries.values()].map(({ auditor }) => auditor.stop()))
    },
    status: () =>
      [...entries.values()].map(({ auditor, aside }) => ({
        chainId: auditor.chain.id,
        name: auditor.chain.name,
        required: auditor.chain.providers,
        agreed: auditor.newest?.number ?? null,
        waiting: auditor.waiting,
        halts: haltsOf(auditor.chain.id),
        setAside: aside.list(),
      })),
  }
}

/** What an agreement speaks of: with other events, or more of them, it begins anew. */
function digestOf({ id, events }: AuditedChain): Hex {
  const lines = events.map(({ address, topic, name, from }) => `${address} ${topic} ${name} ${from}`).sort()
  return keccak256(stringToHex([id, ...lines].join('\n')))
}

function halted({ chainId, number }: BlockPlace, { cause, reason }: ChainHalt): TrustError {
  return new TrustError('TRUST_HALTED', `The duties of chain ${chainId} stand still (${cause}): ${reason}`, {
    data: { chainId, block: number.toString(), reason },
  })
}

function otherBlock({ chainId, number }: BlockPlace): TrustError {
  return new TrustError('TRUST_OTHER_BLOCK', `Another block of chain ${chainId} is agreed on at ${number}`, {
    data: { chainId, block: number.toString() },
  })
}

function notAgreed({ chainId, number }: BlockPlace, { newest, waiting }: Auditor): TrustError {
  const reason = waiting?.reason ?? 'it takes longer than that'
  return new TrustError(
    'TRUST_NOT_AGREED',
    `Block ${number} of chain ${chainId} is not agreed on yet: ${reason}`,
    {
      data: { chainId, block: number.toString(), agreed: newest?.number.toString() ?? null, reason },
      retry: true,
    },
  )
}
