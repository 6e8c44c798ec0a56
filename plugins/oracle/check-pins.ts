import type { BlockRef, ChainReader } from '../../node/ports/chain.ts'
import type { ChainTrust } from '../../node/ports/chain-trust.ts'
import type { Clock } from '../../node/ports/clock.ts'
import type { IndexReader } from '../../node/ports/index-reader.ts'
import { OracleError } from './errors.ts'
import type { FeedQuery, Pin, Pinned } from './feed-types.ts'
import {
  checkHalts,
  confirmationsOf,
  isGone,
  isPassing,
  isTooOld,
  lastPin,
  nothingMoved,
  samePin,
} from './pin-state.ts'

/** How long a validator waits for its own chain reader, its index, and its providers' agreement, to reach the pins. */
const WAIT_MS = 2_000
const POLL_MS = 100

export interface CheckPinsOptions {
  readonly chainIds: readonly number[]
  readonly maxAgeSeconds: number
  readonly signal: AbortSignal
}
export interface CheckPinsModules {
  readonly chain: ChainReader
  readonly index: IndexReader
  readonly trust: ChainTrust
  readonly clock: Clock
}

/** Throws `ORACLE_BAD_PIN` unless the pins name exactly these chains, in this order. */
export function checkChains(chainIds: readonly number[], query: FeedQuery): void {
  if (query.pins.length !== chainIds.length || query.pins.some((pin, at) => pin.chainId !== chainIds[at]))
    throw new OracleError('ORACLE_BAD_PIN', `pins must name the chains ${chainIds.join(', ')} in this order`)
}

/**
 * A follower's: takes pins only if they name exactly the feed's chains and something moved, and if this node's own
 * chains have those very blocks, with their confirmations, not too old, and not before those of the previous round
 * unless these were reorganised away. Then waits for the index to hold them, and for enough independent providers to
 * say what it says.
 * @throws OracleError `ORACLE_BAD_PIN`, `ORACLE_CHAIN_HALTED`, IndexError `INDEX_BEHIND`, TrustError
 */
export async function checkPins(
  options: CheckPinsOptions,
  query: FeedQuery,
  previous: Pinned | null,
  modules: CheckPinsModules,
): Promise<void> {
  checkChains(options.chainIds, query)
  checkHalts(options.chainIds, modules.trust)
  if (nothingMoved(query.pins, previous))
    throw new OracleError('ORACLE_BAD_PIN', 'the pins are those of the previous round')
  await Promise.all(
    query.pins.map(async (pin) => {
      const last = lastPin(previous, pin.chainId)
      try {
        await checkPin(options, pin, last, modules)
      } catch (error) {
        // A chain that can't be read may stay where a quorum has already checked it.
        if (last === null || !samePin(pin, last) || !isPassing(error)) throw error
      }
      await modules.index.waitFor(pin.chainId, pin.number, WAIT_MS)
      await modules.trust.waitFor(pin, WAIT_MS)
    }),
  )
}

async function checkPin(
  { maxAgeSeconds, signal }: CheckPinsOptions,
  pin: Pin,
  last: Pin | null,
  { chain, clock }: CheckPinsModules,
): Promise<void> {
  const { chainId, number } = pin
  const facts = { chainId, number: number.toString() }
  const refuse = (what: string) => new OracleError('ORACLE_BAD_PIN', what, facts)
  const confirmations = confirmationsOf(chain, chainId)
  const found = await waitForBlock(pin, BigInt(confirmations), signal, { chain, clock })
  if (found === null) throw refuse(`the pin of chain ${chainId} lacks confirmations`)
  const { head, own } = found
  if (own.hash !== pin.hash || own.timestamp !== pin.timestamp)
    throw refuse(`chain ${chainId} has another block at ${number}`)
  if (last !== null && number < last.number && !(await isGone(last, chain)))
    throw refuse(`the pin of chain ${chainId} goes back`)
  if (isTooOld(pin, head, confirmations, maxAgeSeconds))
    throw refuse(`the pin of chain ${chainId} is too old`)
}

/** The leader may have seen a head some moments earlier: to refuse at once would cost the round. Null when time is up. */
async function waitForBlock(
  pin: Pin,
  confirmations: bigint,
  signal: AbortSignal,
  { chain, clock }: { chain: ChainReader; clock: Clock },
): Promise<{ head: BlockRef; own: BlockRef } | null> {
  const deadline = clock.monotonic() + WAIT_MS
  for (;;) {
    signal.throwIfAborted()
    const head = await chain.head(pin.chainId)
    if (pin.number + confirmations <= head.number) {
      const own = await chain.block(pin.chainId, pin.number)
      if (own !== null) return { head, own }
    }
    if (clock.monotonic() >= deadline) return null
    await pause(clock, signal)
  }
}

function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      timer.cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = clock.setTimer(POLL_MS, end)
    signal.addEventListener('abort', end)
  })
}
