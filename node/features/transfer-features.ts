import { type Touch, type Transfer, WINDOW_SECONDS } from './transfer.ts'

/** Raised whenever a feature's meaning changes: manifests of models bind it. */
export const FEATURES_VERSION = 1

/** The order of the features. Counts and times are ln(1 + x); README.md has each one's meaning. */
export const FEATURES = [
  'amountVsToken',
  'amountVsSender',
  'senderSpan',
  'senderIn',
  'senderOut',
  'senderFanOut',
  'senderSpread',
  'senderBurst',
  'passThroughRatio',
  'passThroughDelay',
  'remainingShare',
  'receiverIn',
  'receiverOut',
  'pairRepeats',
  'pairReturns',
  'pairImbalance',
] as const

/** What happened before the transfer that is judged, oldest first; nothing older than `WINDOW_SECONDS`. */
export interface Histories {
  /** Newest `ADDRESS_DEPTH` transfers of this token that touched the sender. */
  readonly sender: readonly Touch[]
  /** The same of the receiver. */
  readonly receiver: readonly Touch[]
  /** ln(1 + base units) of the newest `TOKEN_DEPTH` transfers of the token. */
  readonly tokenLogAmounts: readonly number[]
}

/** Within so many seconds an incoming amount is looked for that is now passed on. */
const PASS_THROUGH_SECONDS = 86_400
/** Logs of ratios are cut off here, either way: a factor of about 3000. */
const LOG_LIMIT = 8
const NEVER = Math.log1p(WINDOW_SECONDS)

/**
 * The features of one transfer from what happened before it: pure, so that whoever has the same histories has the same
 * bits, by the same version of V8's logarithm at least. Amounts are relative, so that a token's decimals do not matter.
 */
export function transferFeatures(
  transfer: Transfer,
  { sender, receiver, tokenLogAmounts }: Histories,
): Float32Array {
  const { timestamp, to } = transfer
  const amount = Number(transfer.value)
  const logAmount = Math.log1p(amount)
  const sent = sender.filter(({ incoming }) => !incoming)
  const received = sender.filter(({ incoming }) => incoming)
  const sentLogs = sent.map((touch) => touch.logAmount)
  const [oldest] = sender
  const [flowIn, flowOut] = [sum(received), sum(sent)]

  const recent = received.filter((touch) => timestamp - touch.timestamp <= PASS_THROUGH_SECONDS)
  const passed = recent.map((touch) => Math.abs(logAmount - touch.logAmount))
  const last = received.at(-1)

  const toReceiver = sent.filter(({ other }) => other === to)
  const fromReceiver = received.filter(({ other }) => other === to)
  const forth = sum(toReceiver) + amount
  const back = sum(fromReceiver)
  const receiverIn = receiver.reduce((count, { incoming }) => count + (incoming ? 1 : 0), 0)

  return Float32Array.of(
    tokenLogAmounts.length === 0 ? 0 : limited(logAmount - mean(tokenLogAmounts)),
    sentLogs.length === 0 ? 0 : limited(logAmount - mean(sentLogs)),
    oldest === undefined ? 0 : Math.log1p(timestamp - oldest.timestamp),
    Math.log1p(received.length),
    Math.log1p(sent.length),
    sent.length === 0 ? 0 : new Set(sent.map(({ other }) => other)).size / sent.length,
    deviation([...sentLogs, logAmount]),
    burstiness([...sent.map((touch) => touch.timestamp), timestamp]),
    Math.min(LOG_LIMIT, ...passed),
    last === undefined ? NEVER : Math.log1p(timestamp - last.timestamp),
    flowIn === 0 ? 0 : Math.max(-1, (flowIn - flowOut - amount) / flowIn),
    Math.log1p(receiverIn),
    Math.log1p(receiver.length - receiverIn),
    Math.log1p(toReceiver.length),
    Math.log1p(fromReceiver.length),
    forth + back === 0 ? 1 : Math.abs(forth - back) / (forth + back),
  )
}

/**
 * (sd - mean) / (sd + mean) of the gaps between these times: -1 is a clock, 0 a Poisson process, towards 1 bursts
 * (Goh and Barabasi 2008). 0 below two gaps, and where all happens at once.
 */
function burstiness(times: readonly number[]): number {
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? time))
  const [sd, average] = [deviation(gaps), mean(gaps)]
  return gaps.length < 2 || sd + average === 0 ? 0 : (sd - average) / (sd + average)
}

function deviation(values: readonly number[]): number {
  const middle = mean(values)
  let total = 0
  for (const value of values) total += (value - middle) ** 2
  return values.length === 0 ? 0 : Math.sqrt(total / values.length)
}

/** 0 of nothing. */
function mean(values: readonly number[]): number {
  let total = 0
  for (const value of values) total += value
  return values.length === 0 ? 0 : total / values.length
}

function sum(touches: readonly Touch[]): number {
  let total = 0
  for (const { amount } of touches) total += amount
  return total
}

function limited(log: number): number {
  return Math.max(-LOG_LIMIT, Math.min(LOG_LIMIT, log))
}
