import type { Hex } from '../ports/chain.ts'
import type {
  ContractRef,
  Duty,
  DutyContext,
  PureDutyContext,
  Report,
  SignatureRule,
} from '../ports/quorum.ts'
import { placeReport } from './digest.ts'
import { QuorumError } from './errors.ts'
import type { PureDuty } from './machine/effects.ts'

/** The part of a duty's context that its configuration fixes. */
export interface DutySettings {
  /** Config digest of a contract that the duty's reports may go to; null while it gets none, undefined for any other. */
  readonly digestOf: (contract: ContractRef) => Hex | null | undefined
  readonly configDigest: Hex
  readonly n: number
  readonly f: number
  readonly self: number
  readonly onchainConfig: Uint8Array
  readonly pluginConfig: Uint8Array
}

/** A duty in terms of bytes, its types erased: what the machine and the driver work with. */
export interface BoundDuty extends PureDuty {
  readonly id: string
  readonly signatures: SignatureRule
  query(seqNr: bigint, previous: Uint8Array | null, signal: AbortSignal): Promise<Uint8Array | null>
  observe(
    seqNr: bigint,
    query: Uint8Array,
    previous: Uint8Array | null,
    signal: AbortSignal,
  ): Promise<Uint8Array>
  shouldTransmit(seqNr: bigint, report: Report, outcome: Uint8Array, signal: AbortSignal): Promise<boolean>
  onOutcome(seqNr: bigint, epoch: number, outcome: Uint8Array): Promise<void>
}

/**
 * Binds a duty to one configuration. Every call decodes anew: values are never shared between calls, so a plugin that
 * changes what it was given can't make its later, pure steps differ from another validator's.
 */
export function bindDuty<Q, O, R>(duty: Duty<Q, O, R>, settings: DutySettings): BoundDuty {
  const { configDigest, n, f, self, onchainConfig, pluginConfig } = settings
  const { codecs } = duty
  const pure = (seqNr: bigint): PureDutyContext => ({
    configDigest,
    n,
    f,
    seqNr,
    onchainConfig,
    pluginConfig,
  })
  const full = (seqNr: bigint, signal: AbortSignal): DutyContext => ({ ...pure(seqNr), self, signal })
  const decodePrevious = (previous: Uint8Array | null): R | null =>
    previous === null ? null : codecs.outcome.decode(previous)
  return {
    id: duty.id,
    signatures: duty.signatures ?? 'f+1',
    sealed: duty.sealed ?? false,
    checkQuery: (query) => {
      codecs.query.decode(query)
    },
    validate: (seqNr, query, previous, observation) => {
      const value = codecs.observation.decode(observation)
      duty.validate(pure(seqNr), codecs.query.decode(query), decodePrevious(previous), value)
    },
    outcome: (seqNr, query, previous, observations) => {
      const attributed = observations.map(({ oracle, observation }) => ({
        oracle,
        value: codecs.observation.decode(observation),
      }))
      const asked = codecs.query.decode(query)
      return codecs.outcome.encode(duty.outcome(pure(seqNr), asked, decodePrevious(previous), attributed))
    },
    reports: (seqNr, outcome) =>
      duty.reports(pure(seqNr), codecs.outcome.decode(outcome)).flatMap((report, index) => {
        const digest = settings.digestOf(report.contract)
        if (digest === undefined) throw stranger(duty.id, report.contract)
        return digest === null ? [] : [placeReport(digest, seqNr, index, report)]
      }),
    query: async (seqNr, previous, signal) => {
      const query = await duty.query(full(seqNr, signal), decodePrevious(previous))
      return query === null ? null : codecs.query.encode(query)
    },
    observe: async (seqNr, query, previous, signal) => {
      const asked = codecs.query.decode(query)
      return codecs.observation.encode(
        await duty.observe(full(seqNr, signal), asked, decodePrevious(previous)),
      )
    },
    shouldTransmit: (seqNr, report, outcome, signal) =>
      duty.shouldTransmit(full(seqNr, signal), report, codecs.outcome.decode(outcome)),
    onOutcome: async (seqNr, epoch, outcome) => {
      await duty.onOutcome?.({
        dutyId: duty.id,
        configDigest,
        seqNr,
        epoch,
        outcome: codecs.outcome.decode(outcome),
      })
    },
  }
}

function stranger(duty: string, { chainId, address }: ContractRef): QuorumError {
  return new QuorumError(
    'QUORUM_UNKNOWN_DESTINATION',
    `${duty} reports to ${address} on chain ${chainId}, which is neither its contract nor one of its destinations`,
    { data: { duty, chainId, address } },
  )
}
