import type { ChainReader, Hex } from '../ports/chain.ts'
import type { Clock } from '../ports/clock.ts'
import { IyiError } from '../ports/errors.ts'
import type { Logger } from '../ports/log.ts'
import type { ConfigFields, ContractRef, DestinationStatus } from '../ports/quorum.ts'
import { type ContractConfig, type QuorumConfig, readDestination, supersedes } from './config.ts'
import { pause } from './pause.ts'

interface Followed {
  readonly contract: ContractRef
  /** Null until it was read, and while its validators are not those of the quorum. */
  config: ContractConfig | null
  reason: string | null
}

/** How often each is looked at again. */
const POLL_MS = 15_000
/** Configurations remembered, for evidence about reports that were signed for an earlier one. */
const REMEMBERED = 8

/**
 * Follows the configurations of the further contracts that get a quorum's reports. They belong to others' chains and
 * owners, so none of them can hold up the quorum or its own contract: one that can't be read, or has other validators,
 * is left out until it is right, and says why.
 */
export class Destinations {
  readonly #followed: readonly Followed[]
  readonly #modules: { readonly chain: ChainReader; readonly clock: Clock; readonly log: Logger }
  readonly #known = new Map<Hex, ConfigFields>()

  constructor(
    contracts: readonly ContractRef[],
    modules: { readonly chain: ChainReader; readonly clock: Clock; readonly log: Logger },
  ) {
    this.#followed = contracts.map((contract) => ({ contract, config: null, reason: 'it was not read yet' }))
    this.#modules = modules
  }

  /** Looks at all of them, again and again, until `signal` aborts. Never rejects. */
  async follow(home: QuorumConfig, signal: AbortSignal): Promise<void> {
    if (this.#followed.length === 0) return
    while (!signal.aborted) {
      await Promise.all(this.#followed.map((each) => this.#look(each, home)))
      await pause(this.#modules.clock, POLL_MS, signal)
    }
  }

  async #look(each: Followed, home: QuorumConfig): Promise<void> {
    const { chain, log } = this.#modules
    try {
      const read = await readDestination(chain, each.contract, home)
      const known = each.config
      const same = known?.configDigest === read.configDigest
      // Of an answer that is older than what is followed nothing is learnt.
      if (known !== null && !same && !supersedes({ ...read, at: read.readAt }, known)) return
      if (!same) log.info({ ...each.contract, configDigest: read.configDigest }, 'follow a destination')
      each.config = read
      each.reason = null
      this.#remember(read)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (each.reason !== reason) log.warn({ ...each.contract, error }, 'a destination gets no reports')
      // What a provider does not answer changes nothing; what the contract says does.
      if (error instanceof IyiError && !error.retry) each.config = null
      if (each.config === null) each.reason = reason
    }
  }

  #remember(config: ContractConfig): void {
    this.#known.set(config.configDigest, config.fields)
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= REMEMBERED * this.#followed.length) return
      this.#known.delete(oldest)
    }
  }

  /** `undefined` for a contract that is no destination, null while it gets no reports. */
  digestOf(contract: ContractRef): Hex | null | undefined {
    const each = this.#followed.find((candidate) => isSame(candidate.contract, contract))
    return each === undefined ? undefined : (each.config?.configDigest ?? null)
  }

  configurationOf(digest: Hex): ConfigFields | null {
    return this.#known.get(digest) ?? null
  }

  statuses(): DestinationStatus[] {
    return this.#followed.map(({ contract, config, reason }) => ({
      contract,
      configDigest: config?.configDigest ?? null,
      ...(reason === null ? {} : { reason }),
    }))
  }
}

export function isSame(a: ContractRef, b: ContractRef): boolean {
  return a.chainId === b.chainId && a.address.toLowerCase() === b.address.toLowerCase()
}
