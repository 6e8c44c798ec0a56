import type { Transfer } from '../../../node/features/transfer.ts'

const DAY = 86_400
const WEEK = 7 * DAY

/** What is judged: a transfer without a place of its own. */
export type Judged = Pick<Transfer, 'timestamp' | 'from' | 'to' | 'value'>

const ln = (x: number) => Math.log1p(x)
const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0)
const mean = (values: readonly number[]) => total(values) / Math.max(1, values.length)
const spread = (values: readonly number[]) => Math.sqrt(mean(values.map((x) => (x - mean(values)) ** 2)))
const between = (least: number, most: number, x: number) => Math.min(most, Math.max(least, x))

/**
 * The features of a transfer by the table of `node/features/README.md`, each from all that the token's logs say of
 * before: no state, no page, no shared code. `before` is in the chain's order.
 */
export function naiveFeatures(before: readonly Transfer[], judged: Judged): Readonly<Record<string, number>> {
  const { from, to, timestamp: now } = judged
  const amount = Number(judged.value)
  const recent = (list: readonly Transfer[], depth: number) =>
    list.slice(-depth).filter(({ timestamp }) => timestamp >= now - WEEK)
  const touching = (who: string) =>
    recent(
      before.filter((each) => each.from === who || each.to === who),
      64,
    )
  const lns = (list: readonly Transfer[]) => list.map(({ value }) => ln(Number(value)))
  const amounts = (list: readonly Transfer[]) => total(list.map(({ value }) => Number(value)))

  const token = recent(before, 256)
  const [mine, theirs] = [touching(from), touching(to)]
  const sent = mine.filter((each) => each.from === from)
  const got = mine.filter((each) => each.from !== from)
  const theyGot = theirs.filter((each) => each.from !== to)
  const there = sent.filter((each) => each.to === to)
  const back = got.filter((each) => each.from === to)
  const times = [...sent.map(({ timestamp }) => timestamp), now]
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0))
  const steady = spread(gaps) + mean(gaps)
  const passed = got.filter(({ timestamp }) => timestamp >= now - DAY)
  const exchanged = amounts(there) + amount + amounts(back)
  const flow = amounts(got)
  return {
    amountVsToken: token.length === 0 ? 0 : between(-8, 8, ln(amount) - mean(lns(token))),
    amountVsSender: sent.length === 0 ? 0 : between(-8, 8, ln(amount) - mean(lns(sent))),
    senderSpan: mine.length === 0 ? 0 : ln(now - (mine[0]?.timestamp ?? now)),
    senderIn: ln(got.length),
    senderOut: ln(sent.length),
    senderFanOut: sent.length === 0 ? 0 : new Set(sent.map((each) => each.to)).size / sent.length,
    senderSpread: spread([...lns(sent), ln(amount)]),
    senderBurst: gaps.length < 2 || steady === 0 ? 0 : (spread(gaps) - mean(gaps)) / steady,
    passThroughRatio: Math.min(8, ...lns(passed).map((each) => Math.abs(ln(amount) - each))),
    passThroughDelay: ln(got.length === 0 ? WEEK : now - (got.at(-1)?.timestamp ?? 0)),
    remainingShare: flow === 0 ? 0 : Math.max(-1, (flow - amounts(sent) - amount) / flow),
    receiverIn: ln(theyGot.length),
    receiverOut: ln(theirs.length - theyGot.length),
    pairRepeats: ln(there.length),
    pairReturns: ln(back.length),
    pairImbalance: exchanged === 0 ? 1 : Math.abs(amounts(there) + amount - amounts(back)) / exchanged,
  }
}
