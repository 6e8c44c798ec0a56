import { concat, encodeFunctionData, type Hex, hexToBytes, keccak256, numberToHex, padHex } from 'viem'
import { privateKeyToAddress, sign } from 'viem/accounts'
import { onTestFinished } from 'vitest'
import type { z } from 'zod'
import { oracleFeedAbi } from '../../../contracts/abi/OracleFeed.ts'
import type { Capabilities } from '../../../node/ports/capabilities.ts'
import type { Clock } from '../../../node/ports/clock.ts'
import type { Duty, DutyStatus, EvidenceRecord, Quorum } from '../../../node/ports/quorum.ts'
import { queryCodec } from '../../../plugins/oracle/codecs.ts'
import { oracleConfig } from '../../../plugins/oracle/config.ts'
import type {
  FeedObservation,
  FeedOutcome,
  FeedQuery,
  FeedValue,
} from '../../../plugins/oracle/feed-types.ts'
import oracle from '../../../plugins/oracle/index.ts'
import type { ContractKind } from '../../../plugins/oracle/kinds/contract-kind.ts'
import { feedKind } from '../../../plugins/oracle/kinds/feed.ts'
import { ocr2Kind } from '../../../plugins/oracle/kinds/ocr2.ts'
import { vectorKind } from '../../../plugins/oracle/kinds/vector.ts'
import { type OracleContext, setup } from '../../../plugins/oracle/plugin.ts'
import { evidenceDigest, feedReports } from '../../../plugins/oracle/report.ts'
import type { evidenceSchema } from '../../../plugins/oracle/routes/schemas.ts'
import { serve } from '../../adapters/hono/fixture.ts'
import { memoryChain } from '../../fakes/chain-reader.ts'
import { memoryTrust } from '../../fakes/chain-trust.ts'
import { memoryContents } from '../../fakes/contents.ts'
import { memoryEventLog } from '../../fakes/event-log.ts'
import { recordingLogger, recordingMetrics } from '../../fakes/host-modules.ts'
import { memoryIndex } from '../../fakes/index-reader.ts'
import { scriptedInference } from '../../fakes/inference.ts'
import { FEED_ADDRESS, HOME, outcome, roundRow, vectorRow } from './kit.ts'

export const keys = [1, 2, 3, 4].map((value) => padHex(numberToHex(value), { size: 32 }))
export const signers = keys.map((key) => privateKeyToAddress(key))
export const CONFIG = keccak256('0x01')
export const TRANSMITTER = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'

const status: Omit<DutyStatus, 'dutyId' | 'contract'> = {
  state: 'running',
  configDigest: CONFIG,
  n: 4,
  f: 1,
  self: 0,
  epoch: 3,
  leader: 2,
  seqNr: 9n,
  lastOutcomeAt: null,
  requiredSignatures: 2,
  ownFaults: {},
  destinations: [],
  oracles: signers.map((signer, index) => ({
    index,
    signer: signer.toLowerCase() as Hex,
    transmitter: signer,
    peerKey: keccak256(numberToHex(index)),
    consensusKey: keccak256(numberToHex(index + 100)),
    connected: true,
    lastObservedSeqNr: null,
    participation: { rounds: 0, observed: 0, voted: 0, latenessMs: null, faults: {} },
  })),
}

/** A list as it comes over HTTP. */
export interface Page {
  readonly data: readonly unknown[]
  readonly meta: { readonly chains: readonly unknown[] }
  readonly nextCursor: string | null
}
type EvidenceView = z.infer<typeof evidenceSchema>
/** The evidence of a round as it comes over HTTP when nothing of it is missing. */
export interface RoundBody {
  readonly data: EvidenceView & {
    readonly answer: string
    readonly report: NonNullable<EvidenceView['report']>
    readonly evidence: NonNullable<EvidenceView['evidence']>
  }
}

/** The plugin behind the real gateway, with fakes for everything else. */
export async function serveOracle(
  config: unknown,
  change: Partial<DutyStatus> = {},
  door: Parameters<typeof serve>[1] = {},
  events = memoryEventLog(),
) {
  const chain = memoryChain([{ id: HOME, confirmations: 1 }])
  const index = memoryIndex()
  index.setHead(HOME, 50n, 49n)
  const inference = scriptedInference(keccak256('0x07'))
  const contents = memoryContents()
  const records = new Map<string, EvidenceRecord>()
  const timers = new Set<() => void>()
  const duties = new Map<string, Duty<FeedQuery, FeedObservation, FeedOutcome>>()
  const quorum: Quorum = {
    register(duty) {
      const { id, contract } = duty
      // The oracle plugin registers feeds and nothing else.
      duties.set(id, duty as unknown as Duty<FeedQuery, FeedObservation, FeedOutcome>)
      return {
        status: () => ({ dutyId: id, contract, ...status, ...change }),
        evidence: async (digest, seqNr) => records.get(`${digest}/${seqNr}`) ?? null,
      }
    },
  }
  let running: ReturnType<typeof setup> | undefined
  const served = await serve((gateway) => {
    const granted: Partial<Capabilities> = {
      'chain.read': chain,
      'chain.trust': memoryTrust(chain),
      'index.read': index,
      events,
      quorum,
      inference,
      contents,
      'http.routes': gateway.routes({ id: 'oracle', roots: oracle.routes ?? [] }),
    }
    const context = {
      id: 'oracle',
      config: oracleConfig.parse(config),
      can: (name: keyof Capabilities) => granted[name],
      clock: {
        ...{ now: () => 1_700_000_500_000, monotonic: () => 0 },
        setTimer: (_delayMs: number, fire: () => void) => {
          timers.add(fire)
          return { cancel: () => void timers.delete(fire) }
        },
      } satisfies Clock,
      log: recordingLogger(),
      metrics: recordingMetrics(),
    }
    running = setup(context as unknown as OracleContext)
  }, door)
  if (running === undefined) throw new TypeError('the plugin was not set up')
  const { start, stop, api, health } = running
  await start?.()
  onTestFinished(async () => stop?.(AbortSignal.abort()))

  /** Puts a round on the fake chain, index and records, as a real one leaves it behind. */
  async function transmitRound(
    round: number,
    changes: { to?: Hex; input?: Hex; value?: Partial<FeedOutcome>; kind?: 'feed' | 'ocr2' } = {},
  ) {
    const value = outcome(changes.value)
    const found = await transmitted(changes.kind === 'ocr2' ? ocr2Kind : feedKind, round, value, changes)
    const row = roundRow(round, { ...found.says, answer: value.answer })
    index.add('feedRound', row)
    return { ...found, row }
  }

  /** The same of a vector feed. */
  async function transmitVector(round: number, value: FeedOutcome<readonly bigint[]>) {
    const found = await transmitted(vectorKind, round, value)
    const { answer, spread, observations } = value
    const agreeing = observations.filter(({ accepted }) => accepted).length
    const observers = observations.length
    index.add('feedVectorRound', vectorRow(round, answer, { ...found.says, spread, agreeing, observers }))
    return found
  }

  async function transmitted<V extends FeedValue>(
    kind: ContractKind<V>,
    round: number,
    value: FeedOutcome<V>,
    changes: { to?: Hex; input?: Hex } = {},
  ) {
    const [report] = feedReports(kind, [{ chainId: HOME, address: FEED_ADDRESS }], value)
    if (report === undefined) throw new TypeError('the outcome is not due')
    const payload = `0x${Buffer.from(report.payload).toString('hex')}` as const
    const epochAndRound = BigInt(round) << 8n
    const context = [CONFIG, numberToHex(epochAndRound, { size: 32 }), report.extraHash] as const
    const hash = keccak256(concat([keccak256(payload), ...context]))
    const signatures = await Promise.all(
      keys.slice(1, 3).map((privateKey) => sign({ hash, privateKey, to: 'object' })),
    )
    const rawVs = padHex(concat(signatures.map(({ yParity }) => numberToHex(yParity ?? 0, { size: 1 }))), {
      dir: 'right',
    })
    const rs = signatures.map(({ r }) => padHex(r))
    const ss = signatures.map(({ s }) => padHex(s))
    const { transactionHash, blockNumber } = roundRow(round)
    chain.addTransaction(HOME, {
      hash: transactionHash,
      from: TRANSMITTER,
      to: changes.to ?? FEED_ADDRESS,
      input:
        changes.input ??
        encodeFunctionData({
          abi: oracleFeedAbi,
          functionName: 'transmit',
          args: [context, payload, rs, ss, rawVs],
        }),
      blockNumber,
    })
    const record: EvidenceRecord = {
      dutyId: 'oracle/price',
      configDigest: CONFIG,
      seqNr: BigInt(round),
      epoch: 3,
      leader: 2,
      query: queryCodec.encode({ pins: value.pins }),
      observations: value.observations.map(({ oracle: observer, value: observed }) => ({
        oracle: observer,
        observation: kind.values.observation.encode({ value: observed, onchain: null }),
        signature: hexToBytes(`0x${'5a'.repeat(64)}`),
      })),
      outcome: kind.values.outcome.encode(value),
      reports: [],
      recordedAt: 0,
    }
    const says = { evidenceDigest: evidenceDigest(kind.values, value), epochAndRound }
    return { says, payload, hash, keep: () => records.set(`${CONFIG}/${round}`, record) }
  }

  /** The time comes for all that waits for it. */
  function pass(): void {
    const due = [...timers]
    timers.clear()
    for (const fire of due) fire()
  }

  async function get<T = Page>(path: string) {
    const response = await fetch(`${served.url}${path}`)
    return { status: response.status, body: (await response.json()) as T }
  }
  return {
    ...served,
    chain,
    index,
    inference,
    contents,
    events,
    duties,
    api,
    health,
    get,
    pass,
    transmitRound,
    transmitVector,
  }
}
