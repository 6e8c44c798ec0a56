import { ADDRESS_DEPTH, TOKEN_DEPTH, type Touch, WINDOW_SECONDS } from '../../node/features/transfer.ts'
import type { SqlRow, Statement } from '../../node/ports/store.ts'
import { hexOf } from './rows.ts'

/** What has to be known of a history to build it: a touch as the database gives it. */
type TouchRow = readonly [timestamp: number, incoming: boolean, other: string, value: string]

/**
 * The newest transfers of token $1 that touched an address before a transfer `judged`; to oneself is one touch, outgoing.
 * As many as a history holds are read by each index, however many an address has, and those outside the window left out
 * then: blocks and times of a chain rise together.
 */
const touchesSql = (address: string) => `
  (select coalesce(json_agg(json_build_array(timestamp, incoming, encode(other, 'hex'), value::text) order by block, log), '[]')
    from (
      select * from (
        (select t.timestamp, t.block, t.log, false as incoming, t.receiver as other, t.value
           from transfer t
           where t.token_id = $1 and t.sender = ${address} and (t.block, t.log) < (judged.block, judged.log)
           order by t.block desc, t.log desc limit ${ADDRESS_DEPTH})
        union all
        (select t.timestamp, t.block, t.log, true, t.sender, t.value
           from transfer t
           where t.token_id = $1 and t.receiver = ${address} and (t.block, t.log) < (judged.block, judged.log)
           order by t.block desc, t.log desc limit ${ADDRESS_DEPTH})
      ) touch where not (incoming and other = ${address})
      order by block desc, log desc limit ${ADDRESS_DEPTH}
    ) newest where timestamp >= judged.timestamp - ${WINDOW_SECONDS})`

/** Columns of a query over `judged` (block, log, timestamp, sender, receiver): the two histories of addresses. */
export const historiesSql = `
  ${touchesSql('judged.sender')} as sender_history,
  ${touchesSql('judged.receiver')} as receiver_history`

/** Oldest first, from a column of `historiesSql`. */
export function touchesOf(column: unknown): readonly Touch[] {
  return (column as readonly TouchRow[]).map(([timestamp, incoming, other, value]) => ({
    ...{ timestamp, incoming, other: hexOf(other) },
    ...amountOf(value),
  }))
}

/** The same doubles that a stream has of this amount: integers are rounded once. */
export function amountOf(value: string): { readonly amount: number; readonly logAmount: number } {
  const amount = Number(BigInt(value))
  return { amount, logAmount: Math.log1p(amount) }
}

/** Newest amounts of a token before a place, with their times; newest first. */
export function amountsBefore(tokenId: number, block: bigint, log: number): Statement {
  return {
    sql: `
      select timestamp, value::text as value from transfer
        where token_id = $1 and (block, log) < ($2::bigint, $3::integer)
        order by block desc, log desc limit ${TOKEN_DEPTH}`,
    params: [tokenId, block, log],
  }
}

/** From rows of `amountsBefore`. */
export function historyOf(rows: readonly SqlRow[]): AmountHistory {
  const amounts = new AmountHistory()
  for (const { timestamp, value } of rows.toReversed()) amounts.push(Number(timestamp), String(value))
  return amounts
}

/** The history of a token's amounts as transfers come, one after another. */
export class AmountHistory {
  readonly #entries: { readonly timestamp: number; readonly logAmount: number }[] = []

  /** Of the newest `TOKEN_DEPTH`, those that are not older than the window at `timestamp`; oldest first. */
  at(timestamp: number): readonly number[] {
    const since = timestamp - WINDOW_SECONDS
    return this.#entries.filter((entry) => entry.timestamp >= since).map(({ logAmount }) => logAmount)
  }

  push(timestamp: number, value: string): void {
    this.#entries.push({ timestamp, logAmount: amountOf(value).logAmount })
    if (this.#entries.length > TOKEN_DEPTH) this.#entries.shift()
  }
}
