import type { Hex } from '../../ports/chain.ts'
import { hexOf } from './decode.ts'
import { ChainError } from './errors.ts'
import type { ProviderPool } from './provider-pool.ts'

/**
 * - `accepted`: in the pool, now or already.
 * - `unknown`: nobody answered; it may or may not be in the pool.
 * - `nonce_low`: its nonce is mined. `nonce_high`: the client wants the nonces before it first.
 * - `occupied`: another transaction of this nonce is in the pool and this one does not pay enough to replace it.
 * - `fee_low`: below the base fee or the client's minimum.
 * - `funds`: the account cannot pay for it.
 * - `refused`: anything else; it will never be accepted as it is.
 */
export type BroadcastOutcome =
  | 'accepted'
  | 'unknown'
  | 'nonce_low'
  | 'nonce_high'
  | 'occupied'
  | 'fee_low'
  | 'funds'
  | 'refused'

/** Words of geth, erigon, nethermind, besu, reth and its relatives, most specific first. */
const WORDS: readonly (readonly [RegExp, BroadcastOutcome])[] = [
  [
    /already known|known transaction|alreadyknown|already imported|already in (the )?(tx )?pool|already exists/i,
    'accepted',
  ],
  [/nonce.*too low|oldnonce|nonce is below|invalid nonce.*lower/i, 'nonce_low'],
  [/nonce.*too high|nonce gap|noncegap/i, 'nonce_high'],
  [
    /replacement.*underpriced|too low to (replace|compete)|feetoolowtocompete|replacementnotallowed/i,
    'occupied',
  ],
  [/underpriced|less than (the )?block base fee|fee ?cap|feetoolow|(fee|price).*(too low|below)/i, 'fee_low'],
  [/insufficient (funds|balance)|insufficientfunds|upfront cost|doesn't have enough/i, 'funds'],
]

/** What a client's refusal of a transaction means. */
export function outcomeOf(reason: string): BroadcastOutcome {
  return WORDS.find(([words]) => words.test(reason))?.[1] ?? 'refused'
}

/** Hands a signed transaction to the chain. Never rejects, except when the chain access was stopped. */
export async function broadcast(
  pool: ProviderPool,
  raw: Hex,
): Promise<{ readonly outcome: BroadcastOutcome; readonly reason: string }> {
  try {
    await pool.request('eth_sendRawTransaction', [raw], hexOf)
    return { outcome: 'accepted', reason: '' }
  } catch (error) {
    if (!(error instanceof ChainError)) throw error
    const reason = error.data.reason ?? error.message
    if (error.code === 'CHAIN_STOPPED') throw error
    if (error.retry) return { outcome: 'unknown', reason }
    return { outcome: outcomeOf(reason), reason }
  }
}
