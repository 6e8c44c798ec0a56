import type { Address, ChainReader, TxSender } from '../ports/chain.ts'
import type { Clock } from '../ports/clock.ts'
import type { Health } from '../ports/health.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import type { PeerTransport } from '../ports/network.ts'
import type { DutyStatus, Quorum, QuorumStore } from '../ports/quorum.ts'
import type { ValidatorSigners } from '../ports/signer.ts'
import { nativeVerification, type VerificationFactory } from './consensus-key.ts'
import { DutyRunner, ownIdentity, registered } from './duty-runner.ts'
import { QuorumError } from './errors.ts'
import { instruments } from './instruments.ts'

export interface QuorumServiceOptions {
  /** The account that the node's transactions come from. */
  readonly transmitter: Address
  /** Raw ed25519 public key of the node's peer identity, 32 bytes. */
  readonly peerKey: Uint8Array
}

export interface QuorumServiceModules {
  readonly transport: PeerTransport
  readonly store: QuorumStore
  readonly signers: ValidatorSigners
  /** How signatures are checked; with this process's primitives when absent. */
  readonly verification?: VerificationFactory
  readonly chain: ChainReader
  readonly sender: TxSender
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
}

export interface QuorumService extends Quorum {
  /** Begins every registered duty; each joins its quorum as soon as its contract is configured. */
  start(): Promise<void>
  /** Leaves all quorums; resolves when running calls have ended, or at the deadline. */
  stop(deadline: AbortSignal): Promise<void>
  statuses(): DutyStatus[]
  health(): Health
}

/** The quorum capability: duties side by side, one instance of the protocol for each. */
export function quorumService(options: QuorumServiceOptions, modules: QuorumServiceModules): QuorumService {
  const runners = new Map<string, DutyRunner>()
  const contracts = new Map<string, string>()
  const verification = modules.verification ?? nativeVerification()
  let started = false
  const own = () =>
    ownIdentity({
      ...options,
      signer: modules.signers.report.address,
      consensusKey: modules.signers.consensus.publicKey,
    })
  return {
    register(duty) {
      if (started) {
        throw new QuorumError(
          'QUORUM_ALREADY_STARTED',
          `register ${duty.id} in setup, before the quorum starts`,
          {
            data: { duty: duty.id },
          },
        )
      }
      if (runners.has(duty.id)) {
        throw new QuorumError('QUORUM_DUPLICATE_DUTY', `two duties are called ${duty.id}; rename one`, {
          data: { duty: duty.id },
        })
      }
      const targets = [duty.contract, ...(duty.destinations ?? [])]
      const places = targets.map(({ chainId, address }) => `${chainId}/${address.toLowerCase()}`)
      places.forEach((place, i) => {
        const other = contracts.get(place) ?? (places.indexOf(place) < i ? duty.id : undefined)
        if (other === undefined) return
        throw new QuorumError(
          'QUORUM_DUPLICATE_CONTRACT',
          `${duty.id} and ${other} report to the same contract ${targets[i]?.address}; give each its own`,
          { data: { duty: duty.id, other, contract: targets[i] } },
        )
      })
      const runner = new DutyRunner(
        { duty: registered(duty), own },
        {
          ...modules,
          verification,
          log: modules.log.child({ duty: duty.id }),
          instruments: instruments(modules.metrics, duty.id),
        },
      )
      for (const place of places) contracts.set(place, duty.id)
      runners.set(duty.id, runner)
      return runner.handle
    },
    async start() {
      started = true
      for (const runner of runners.values()) runner.start()
    },
    async stop(deadline) {
      started = true
      await Promise.all([...runners.values()].map((runner) => runner.stop(deadline)))
    },
    statuses: () => [...runners.values()].map((runner) => runner.status()),
    health: () => healthOf([...runners.values()]),
  }
}

function healthOf(runners: readonly DutyRunner[]): Health {
  const problems: string[] = []
  for (const runner of runners) {
    const { dutyId, state, reason, destinations } = runner.status()
    if (state === 'refused' || state === 'starting') {
      problems.push(`${dutyId} is ${state}${reason === undefined ? '' : `: ${reason}`}`)
    }
    for (const destination of destinations) {
      if (destination.reason === undefined) continue
      const { chainId, address } = destination.contract
      problems.push(`${dutyId} does not report to ${address} on chain ${chainId}: ${destination.reason}`)
    }
    if (runner.storeFailing) problems.push(`${dutyId} waits for the database; check it`)
  }
  return problems.length === 0
    ? { status: 'ok', detail: `${runners.length} duties` }
    : { status: 'degraded', reason: problems.join('; ') }
}
