import { bytesToHex } from 'viem'
import type { ChainReader, Hex } from '../ports/chain.ts'
import type { ContractRef, Duty, DutyHandle, DutyStatus, SignatureRule } from '../ports/quorum.ts'
import { type BoundDuty, bindDuty, type DutySettings } from './bound-duty.ts'
import {
  latestConfirmed,
  membershipOf,
  type OwnIdentity,
  type QuorumConfig,
  readQuorumConfig,
  supersedes,
} from './config.ts'
import { Destinations, isSame } from './destinations.ts'
import { Driver, type DriverModules, requiredSignatures } from './driver.ts'
import { QuorumConfigError, QuorumError } from './errors.ts'
import { NOTHING_SEEN } from './participation.ts'
import { abortOf, backoffMs, pause } from './pause.ts'
import { openSecret } from './shared-secret.ts'

export interface RunnerModules extends DriverModules {
  readonly chain: ChainReader
}

/** A duty whose types are erased, with what is known of it before any configuration. */
export interface RegisteredDuty {
  readonly id: string
  readonly contract: ContractRef
  readonly destinations: readonly ContractRef[]
  readonly signatures: SignatureRule
  bind(settings: DutySettings): BoundDuty
}

export function registered<Q, O, R>(duty: Duty<Q, O, R>): RegisteredDuty {
  const { id, contract, destinations = [], signatures = 'f+1' } = duty
  return { id, contract, destinations, signatures, bind: (settings) => bindDuty(duty, settings) }
}

type State =
  | { readonly name: 'starting'; readonly reason?: string }
  | { readonly name: 'running' | 'observer' | 'stopped' }
  | { readonly name: 'refused'; readonly reason: string }

interface Joined {
  readonly config: QuorumConfig
  /** Resolves when the instance breaks; null when this node runs none. */
  readonly broken: Promise<void> | null
}

/** How often a newer configuration is looked for. */
const CONFIG_POLL_MS = 15_000
/** An instance that ran this long has not failed for the reason that the one before did. */
const STABLE_MS = 60_000
/** What a duty's running calls get when their instance ends. */
const INSTANCE_STOP_MS = 5_000

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
  /** Of the configuration with this digest: what is known of them outlives its instances. */
  #destinations: { readonly home: Hex; readonly followed: Destinations } | null = null
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

  /** Reads, joins, waits for a failure or another configuration, and again, until stopped. Never rejects. */
  async #run(): Promise<void> {
    const { clock, log } = this.#modules
    const { signal } = this.#stop
    let attempt = 0
    while (!signal.aborted) {
      let waitMs = backoffMs(attempt++, 500, CONFIG_POLL_MS)
      try {
        const joined = await this.#join()
        const joinedAt = clock.monotonic()
        const end = await this.#until(joined)
        if (end === 'broken' && clock.monotonic() - joinedAt < STABLE_MS) {
          log.warn({ attempt, waitMs }, 'the instance did not last; it is started again later')
        } else {
          attempt = end === 'broken' ? 1 : 0
          waitMs = end === 'broken' ? backoffMs(0, 500, CONFIG_POLL_MS) : 0
        }
      } catch (error) {
        if (signal.aborted) return
        const refused = mustNotRun(error)
        const reason = error instanceof Error ? error.message : String(error)
        if (refused) waitMs = CONFIG_POLL_MS
        if (refused && this.#state.name !== 'refused') log.error({ error }, 'the duty is refused')
        else log.debug({ error, attempt }, 'the duty cannot start yet')
        this.#state = { name: refused ? 'refused' : 'starting', reason }
      }
      await pause(clock, waitMs, signal)
    }
  }

  /** Until the instance breaks, its contract has another configuration, or the node stops; then ends the instance. */
  async #until(joined: Joined): Promise<'stopped' | 'reconfigured' | 'broken'> {
    const { signal } = this.#stop
    const watch = new AbortController()
    const running = AbortSignal.any([signal, watch.signal])
    void this.#destinations?.followed.follow(joined.config, running)
    const reasons = [
      abortOf(signal).then(() => 'stopped' as const),
      this.#reconfigured(joined.config, running).then(() => 'reconfigured' as const),
      ...(joined.broken === null ? [] : [joined.broken.then(() => 'broken' as const)]),
    ]
    const end = await Promise.race(reasons)
    watch.abort()
    const deadline = new AbortController()
    const timer = this.#modules.clock.setTimer(INSTANCE_STOP_MS, () => deadline.abort())
    await this.#driver?.stop(AbortSignal.any([signal, deadline.signal]))
    timer.cancel()
    this.#driver = null
    this.#self = null
    if (!signal.aborted) {
      this.#state = {
        name: 'starting',
        reason: 'the protocol failed or was configured anew; it starts again',
      }
    }
    return end
  }

  /** Resolves when the contract has another configuration to follow. */
  async #reconfigured(current: QuorumConfig, signal: AbortSignal): Promise<void> {
    const { chain, clock, log } = this.#modules
    while (!signal.aborted) {
      await pause(clock, CONFIG_POLL_MS, signal)
      if (signal.aborted) return
      try {
        if (supersedes(await latestConfirmed(chain, current.contract), current)) return
      } catch (error) {
        // A provider may be away: the instance at work does not need it.
        log.debug({ error }, 'could not look for a newer configuration')
      }
    }
  }

  async #join(): Promise<Joined> {
    const { chain, log } = this.#modules
    const { signal } = this.#stop
    const config = await readQuorumConfig(chain, this.#duty.contract)
    signal.throwIfAborted()
    const known = this.#config
    const same = known?.configDigest === config.configDigest
    if (known !== null && !same && !supersedes({ ...config, at: config.readAt }, known))
      throw outdated(config, known)
    this.#config = config
    const membership = membershipOf(config.oracles, this.#own())
    if (membership.role !== 'member') {
      this.#state =
        membership.role === 'refused' ? { name: 'refused', reason: membership.reason } : { name: 'observer' }
      log.warn({ ...this.#state, configDigest: config.configDigest }, 'the duty does not run at this node')
      return { config, broken: null }
    }
    const { self } = membership
    const secret = await openSecret(config.secret, self, (key) => this.#modules.signers.consensus.agree(key))
    signal.throwIfAborted()
    const { configDigest, f, onchainConfig, pluginConfig } = config
    const n = config.oracles.length
    const destinations = this.#destinationsOf(configDigest)
    const digestOf = (contract: ContractRef) =>
      isSame(config.contract, contract) ? configDigest : destinations.digestOf(contract)
    const configurationOf = (digest: Hex) =>
      digest === configDigest ? config.fields : destinations.configurationOf(digest)
    const duty = this.#duty.bind({ configDigest, digestOf, n, f, self, onchainConfig, pluginConfig })
    const broken = Promise.withResolvers<void>()
    const driver = new Driver(
      { config, self, duty, secret, configurationOf, onFatal: () => broken.resolve() },
      this.#modules,
    )
    this.#driver = driver
    try {
      await driver.start()
      signal.throwIfAborted()
    } catch (error) {
      await driver.stop(signal)
      this.#driver = null
      throw error
    }
    this.#self = self
    this.#state = { name: 'running' }
    log.info({ configDigest, self, n, f }, 'the duty runs')
    return { config, broken: broken.promise }
  }

  #destinationsOf(home: Hex): Destinations {
    if (this.#destinations?.home !== home)
      this.#destinations = { home, followed: new Destinations(this.#duty.destinations, this.#modules) }
    return this.#destinations.followed
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
        participation: view?.participation[oracle.index] ?? NOTHING_SEEN,
      })),
      requiredSignatures:
        config === null ? 0 : requiredSignatures(this.#duty.signatures, config.oracles.length, config.f),
      ownFaults: view?.ownFaults ?? {},
      destinations: this.#driver === null ? [] : (this.#destinations?.followed.statuses() ?? []),
    }
  }
}

function outdated(read: QuorumConfig, known: QuorumConfig): QuorumConfigError {
  return new QuorumConfigError(
    'QUORUM_CONFIG_OUTDATED',
    `the chain's providers answer with the configuration of block ${read.blockNumber}, this node has followed that of block ${known.blockNumber}; check whether they are synchronised`,
    { data: { read: read.configDigest, known: known.configDigest }, retry: true },
  )
}

/** Time alone does not heal these: somebody must call setConfig or repair the database. */
function mustNotRun(error: unknown): boolean {
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
