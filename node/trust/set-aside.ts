import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/log.ts'
import type { Gauge } from '../ports/metrics.ts'
import type { Witness } from '../ports/witness.ts'

/** After a second offence it takes twice as long, and so on. */
const MAX_PAUSE_MS = 3_600_000

interface Entry {
  readonly witness: Witness
  readonly reason: string
  readonly since: number
  readonly isRight: (witness: Witness) => Promise<boolean>
  nextMs: number
}

/**
 * Providers that are proven to have said something wrong. They count for nothing until they say, about the very block
 * of their lie, what is proven.
 */
export class SetAside {
  readonly #entries = new Map<number, Entry>()
  readonly #offences = new Map<number, number>()
  readonly #chainId: number
  readonly #pauseMs: number
  readonly #modules: { readonly clock: Clock; readonly log: Logger; readonly gauge: Gauge }

  constructor(
    options: { readonly chainId: number; readonly pauseMs: number },
    modules: { readonly clock: Clock; readonly log: Logger; readonly gauge: Gauge },
  ) {
    this.#chainId = options.chainId
    this.#pauseMs = options.pauseMs
    this.#modules = modules
  }

  add(witness: Witness, reason: string, isRight: Entry['isRight']): void {
    const { clock, gauge, log } = this.#modules
    const { provider, host } = witness
    const offences = (this.#offences.get(provider) ?? 0) + 1
    this.#offences.set(provider, offences)
    const pauseMs = Math.min(MAX_PAUSE_MS, this.#pauseMs * 2 ** Math.min(offences - 1, 16))
    this.#entries.set(provider, {
      witness,
      reason,
      since: this.#entries.get(provider)?.since ?? clock.now(),
      isRight,
      nextMs: clock.monotonic() + pauseMs,
    })
    gauge.set(1, { chain: this.#chainId, provider })
    log.error(
      { chain: this.#chainId, provider, host, reason, pauseMs },
      'Set aside a chain provider that is proven wrong',
    )
  }

  has({ provider }: Witness): boolean {
    return this.#entries.has(provider)
  }

  /** In the order of the configuration. */
  list(): readonly { readonly provider: number; readonly reason: string; readonly since: number }[] {
    return [...this.#entries]
      .map(([provider, { reason, since }]) => ({ provider, reason, since }))
      .sort((a, b) => a.provider - b.provider)
  }

  /** Asks those whose time has come. Resolves to whether one is taken back. */
  async recheck(): Promise<boolean> {
    const { clock, gauge, log } = this.#modules
    const due = [...this.#entries.values()].filter(({ nextMs }) => nextMs <= clock.monotonic())
    const back = await Promise.all(
      due.map(async (entry) => {
        const right = await entry.isRight(entry.witness).catch(() => false)
        entry.nextMs = clock.monotonic() + this.#pauseMs
        return right ? [entry.witness] : []
      }),
    )
    for (const { provider, host } of back.flat()) {
      this.#entries.delete(provider)
      gauge.set(0, { chain: this.#chainId, provider })
      log.info(
        { chain: this.#chainId, provider, host },
        'Count a chain provider again: it took its words back',
      )
    }
    return back.flat().length > 0
  }
}
