import { bytesToHex } from 'viem'
import type { ChainReader } from '../ports/chain.ts'
import type { IyiError } from '../ports/errors.ts'
import type { ContractRef, Duty, DutyHandle, DutyStatus } from '../ports/quorum.ts'
import { type BoundDuty, bindDuty, type DutySettings } from './bound-duty.ts'
import { membershipOf, type OwnIdentity, type QuorumConfig, readQuorumConfig } from './config.ts'
import { Driver, type DriverModules } from './driver.ts'
import { QuorumConfigError, QuorumError } from './errors.ts'
import { abortOf, backoffMs, pause } from './pause.ts'

export interface RunnerModules extends DriverModules {
  readonly chain: ChainReader
}

/** A duty whose types are erased, with what is known of it before any configuration. */
export interface RegisteredDuty {
  readonly id: string
  readonly contract: ContractRef
  bind(settings: DutySettings): BoundDuty
}

export function registered<Q, O, R>(duty: Duty<Q, O, R>): RegisteredDuty {
  return { id: duty.id, contract: duty.contract, bind: (settings) => bindDuty(duty, settings) }
}

type State =
  | { readonly name: 'starting'; readonly reason?: string }
  | { readonly name: 'running' | 'observer' | 'stopped' }
  | { readonly name: 'refused'; readonly reason: string }

/** Takes one duty from its on-chain configuration to a running instance, and back there when the instance breaks. */
export class DutyRunner {
  readonly #duty: RegisteredDuty
  readonly #own: () => OwnIdentity
  readonly #modules: RunnerModules
  readonly #stop = new AbortController()
  #state: State = { name: 'starting' }
  #config: QuorumConfig | null = null
  #self: number | null = null
  #driver: Driver | null = null
  #running: Promise<void> | null = null

  constructor(options: { duty: RegisteredDuty; own: () => OwnIdentity }, modules: RunnerModules) {
    this.#duty = options.duty
    this.#own = options.own
    this.#modules = modules
  }

  start(): void {
    this.#running ??= this.#run()
  }

  async stop(deadline: AbortSignal): Promise<void> {
    this.#stop.abort()
    await this.#driver?.stop(deadline)
    const ended = this.#running ?? Promise.resolve()
    await Promise.race([ended, abortOf(deadline)])
    this.#state = { name: 'stopped' }
  }

  readonly handle: DutyHandle = {
    status: () => this.status(),
    evidence: (configDigest, seqNr) => this.#modules.store.evidence(this.#duty.id, configDigest, seqNr),
  }

  /** True while what the protocol must remember can't be written. */
  get storeFailing(): boolean {
    return this.#driver?.view().storeFailing ?? false
  }

  /** Reads, joins, waits for a failure, and again; ends when it must not take part or was stopped. Never rejects. */
  async #run(): Promise<void> {
    const { clock, log } = this.#modules
    const { signal } = this.#stop
    for (let attempt = 0; !signal.aborted; ) {
      try {
        const joined = await this.#join()
        if (joined === null) return
        attempt = 0
        await Promise.race([joined.broken, abortOf(signal)])
        await this.#driver?.stop(signal)
        this.#driver = null
        if (!signal.aborted)
          this.#state = { name: 'starting', reason: 'the protocol failed and is started again' }
      } catch (error) {
        if (signal.aborted) return
        if (mustNotRun(error)) {
          this.#state = { name: 'refused', reason: error.message }
          log.error({ error }, 'the duty is refused')
          return
        }
        this.#state = { name: 'starting', reason: error instanceof Error ? error.message : String(error) }
        log.info({ error, attempt }, 'the duty cannot start yet')
      }
      await pause(clock, backoffMs(attempt++, 500, 15_000), signal)
    }
  }

  /** `broken` resolves when the instance breaks; null when there is none to run. */
  async #join(): Promise<{ readonly broken: Promise<void> } | null> {
    const { chain, log } = this.#modules
    const config = await readQuorumConfig(chain, this.#duty.contract)
    this.#config = config
    const membership = membershipOf(config.oracles, this.#own())
    if (membership.role !== 'member') {
      this.#state =
        membership.role === 'refused' ? { name: 'refused', reason: membership.reason } : { name: 'observer' }
      log.warn({ ...this.#state, configDigest: config.configDigest }, 'the duty does not run at this node')
      return null
    }
    const { self } = membership
    const { configDigest, f, onchainConfig, pluginConfig } = config
    const n = config.oracles.length
    const duty = this.#duty.bind({ configDigest, n, f, self, onchainConfig, pluginConfig })
    const broken = Promise.withResolvers<void>()
    const driver = new Driver({ config, self, duty, onFatal: () => broken.resolve() }, this.#modules)
    this.#driver = driver
    try {
      await driver.start()
    } catch (error) {
      await driver.stop(this.#stop.signal)
      this.#driver = null
      throw error
    }
    this.#self = self
    this.#state = { name: 'running' }
    log.info({ configDigest, self, n, f }, 'the duty runs')
    return { broken: broken.promise }
  }

  status(): DutyStatus {
    const view = this.#driver?.view() ?? null
    const config = this.#config
    const { id, contract } = this.#duty
    const reason = 'reason' in this.#state ? this.#state.reason : undefined
    const started = view !== null && view.epoch > 0
    return {
      dutyId: id,
      contract,
      state: this.#state.name,
      ...(reason === undefined ? {} : { reason }),
      configDigest: config?.configDigest ?? null,
      n: config?.oracles.length ?? 0,
      f: config?.f ?? 0,
      self: this.#self,
      epoch: view?.epoch ?? 0,
      leader: started ? view.leader : null,
      seqNr: view?.committedSeqNr ?? 0n,
      lastOutcomeAt: view?.lastOutcomeAt ?? null,
      oracles: (config?.oracles ?? []).map((oracle) => ({
        ...oracle,
        connected: oracle.index === this.#self || (view?.connected.includes(oracle.index) ?? false),
        lastObservedSeqNr: view?.lastObserved[oracle.index] ?? null,
      })),
    }
  }
}

/** Failures that time does not heal: somebody must change a configuration or a database. */
function mustNotRun(error: unknown): error is IyiError {
  if (error instanceof QuorumConfigError) return !error.retry
  return error instanceof QuorumError && error.code === 'QUORUM_BAD_SNAPSHOT'
}

/** The node's identities in the form that configurations have them. */
export function ownIdentity(options: {
  readonly signer: OwnIdentity['signer']
  readonly transmitter: OwnIdentity['transmitter']
  readonly peerKey: Uint8Array
  readonly consensusKey: Uint8Array
}): OwnIdentity {
  const { signer, transmitter, peerKey, consensusKey } = options
  return { signer, transmitter, peerKey: bytesToHex(peerKey), consensusKey: bytesToHex(consensusKey) }
}
