import type { MessageClass } from '../ports/network.ts'
import type { QuorumLimits } from './limits.ts'
import { MESSAGE_KIND, type MessageKind } from './messages.ts'
import type { TimingParameters } from './offchain-config.ts'
import { PROTOCOL_VERSION } from './signed-bytes.ts'

/** Times what an honest validator sends: clocks that differ, retries, a network that delivers in lumps. */
const HEADROOM = 4
/** So long may a peer's messages be held up and then come all at once: longer than a connection survives in silence. */
const BURST_SECONDS = 10
const MIN_RATE = 1
const MIN_BURST = 64

/** What one validator sends to one other, per second. */
interface Pace {
  readonly rounds: number
  readonly epochs: number
  readonly ticks: number
}

/**
 * The classes of the protocol's messages, one a kind: sizes from the limits, rates from the timing. What a validator
 * sends is bounded by its rounds, epochs and ticks whatever happens, catching up included; so honest traffic stays
 * below its quota, and a flood does not.
 */
export function quorumTraffic(
  timing: TimingParameters,
  n: number,
  limits: QuorumLimits,
): readonly MessageClass[] {
  const pace = paceOf(timing)
  const sizes = maxSizes(n, limits)
  return KINDS.map((kind) => {
    const { perSecond, waiting, droppable, supersedes } = TRAITS[kind]
    const maxBytes = sizes[kind]
    const rate = Math.max(MIN_RATE, HEADROOM * perSecond(pace))
    return {
      name: kind,
      header: [PROTOCOL_VERSION, MESSAGE_KIND[kind]],
      maxBytes,
      queueMessages: waiting,
      // Small ones have all the room their number needs. Of large ones two: the current one, and the next.
      queueBytes: Math.min(waiting, maxBytes > SMALL_BYTES ? 2 : waiting) * maxBytes,
      droppable,
      supersedes,
      ratePerSecond: rate,
      burst: Math.ceil(Math.max(MIN_BURST, rate * BURST_SECONDS)),
    }
  })
}

const SMALL_BYTES = 16 * 1024

function paceOf({ deltaRound, deltaResend, deltaInitial, deltaProgress, rMax }: TimingParameters): Pace {
  const rounds = 1000 / deltaRound
  // An epoch ends by its rounds, or by a timer of its own; the round that was begun last begins again in the next.
  const epochs = rounds / rMax + 1000 / Math.min(deltaInitial, deltaProgress)
  return { rounds: rounds + epochs, epochs, ticks: 1000 / deltaResend }
}

interface Traits {
  readonly perSecond: (pace: Pace) => number
  /** Share of the queue towards a peer, in messages. */
  readonly waiting: number
  readonly droppable: boolean
  readonly supersedes: MessageClass['supersedes']
}

/** Once a round, and again every DeltaResend: the same then. A peer that is slow needs those of each round. */
const ofRound = (traits: Pick<Traits, 'droppable' | 'waiting'>): Traits => ({
  perSecond: ({ rounds, ticks }) => rounds + ticks,
  supersedes: 'same',
  ...traits,
})

/** Where its sender is: the last word is all that counts. */
const ofState = (traits: Pick<Traits, 'droppable' | 'perSecond'>): Traits => ({
  waiting: 1,
  supersedes: 'older',
  ...traits,
})

/**
 * Votes and what moves epochs are small and go last. What a leader or an observer says of a round may be large, and who
 * misses it is helped by the outcome.
 */
const TRAITS: Readonly<Record<MessageKind, Traits>> = {
  // Each tick, and as the wish becomes durable: own and joined ones, at most three an epoch.
  wish: ofState({ perSecond: ({ epochs, ticks }) => 3 * epochs + ticks, droppable: false }),
  'epoch-start-request': ofState({ perSecond: ({ epochs, ticks }) => epochs + ticks, droppable: false }),
  // The leader's, its answer to who asks again, and anybody's to who has not got it: the last two once a tick.
  'epoch-start': ofState({ perSecond: ({ epochs, ticks }) => epochs + 2 * ticks, droppable: false }),
  'round-start': ofRound({ waiting: 8, droppable: true }),
  idle: ofState({ perSecond: ({ rounds }) => rounds, droppable: true }),
  observation: ofRound({ waiting: 8, droppable: true }),
  proposal: ofRound({ waiting: 8, droppable: true }),
  prepare: ofRound({ waiting: 64, droppable: false }),
  commit: ofRound({ waiting: 64, droppable: false }),
  // Each tick the last eight outcomes' that are not attested, and as many answers to a peer that repeats its own.
  'report-signatures': {
    perSecond: ({ rounds, ticks }) => rounds + 16 * ticks,
    waiting: 64,
    droppable: false,
    supersedes: 'same',
  },
  // Once a tick, and once a round when others agreed on what this one has not seen.
  'outcome-request': ofState({ perSecond: ({ rounds, ticks }) => rounds + ticks, droppable: true }),
  // One per peer and tick: the newest outcome is all that a peer behind needs.
  'outcome-response': ofState({ perSecond: ({ ticks }) => ticks, droppable: true }),
}

const KINDS = Object.keys(TRAITS) as MessageKind[]

const HEAD = 2
const EPOCH = 4
const SEQ_NR = 8
const LENGTH = 4
const COUNT = 1
const FLAG = 1
const ORACLE = 1
const INDEX = 1
const HASH = 32
const SIGNATURE = 64
const REPORT_SIGNATURE = 65
const RANK = SEQ_NR + FLAG + EPOCH

/** Bytes of the largest message of each kind that `n` validators can encode: `messages.ts`, field by field. */
function maxSizes(n: number, limits: QuorumLimits): Readonly<Record<MessageKind, number>> {
  const position = HEAD + EPOCH + SEQ_NR
  const query = LENGTH + limits.query
  const observation = LENGTH + limits.observation + SIGNATURE
  const certificate =
    FLAG + EPOCH + SEQ_NR + HASH + LENGTH + limits.outcome + COUNT + n * (ORACLE + SIGNATURE)
  return {
    wish: HEAD + EPOCH,
    'epoch-start-request': HEAD + EPOCH + RANK + SIGNATURE + FLAG + certificate,
    'epoch-start': HEAD + EPOCH + FLAG + certificate + COUNT + n * (ORACLE + RANK + SIGNATURE),
    'round-start': position + query + FLAG + HASH,
    idle: position,
    observation: position + observation,
    proposal: position + query + COUNT + n * (ORACLE + observation) + SIGNATURE,
    prepare: position + 2 * HASH + SIGNATURE + FLAG + HASH + SIGNATURE,
    commit: position + HASH + SIGNATURE,
    'report-signatures': HEAD + SEQ_NR + COUNT + limits.reports * (INDEX + 3 * HASH + REPORT_SIGNATURE),
    'outcome-request': HEAD + EPOCH + FLAG + SEQ_NR,
    'outcome-response': HEAD + certificate,
  }
}
