import type { ChainReader } from '../../node/ports/chain.ts'
import type { IndexReader } from '../../node/ports/index-reader.ts'
import { OracleError } from './errors.ts'
import type { FeedOutcome, FeedQuery, Pin } from './feed-types.ts'

/** How long a validator waits for its own index to reach the pinned blocks. */
const INDEX_WAIT_MS = 2_000

export interface PinModules {
  readonly chain: ChainReader
  readonly index: IndexReader
}

/**
 * The leader's: the newest block of each chain that is indexed and has its confirmations. Null when no chain moved
 * since the previous round: nothing new to agree on.
 */
export async function choosePins(
  chainIds: readonly number[],
  previous: FeedOutcome | null,
  { chain, index }: PinModules,
): Promise<FeedQuery | null> {
  const freshness = await index.freshness()
  const pins = await Promise.all(
    chainIds.map(async (chainId): Promise<Pin> => {
      const entry = freshness.find((candidate) => candidate.chainId === chainId)
      if (entry?.head == null || entry.indexed === null)
        throw new OracleError(
          'ORACLE_NO_DATA',
          `chain ${chainId} has no indexed block yet`,
          { chainId },
          { retry: true },
        )
      const confirmed = entry.head.number - BigInt(confirmationsOf(chain, chainId))
      const number = confirmed < entry.indexed.number ? confirmed : entry.indexed.number
      const block = number < 0n ? null : await chain.block(chainId, number)
      if (block === null)
        throw new OracleError(
          'ORACLE_NO_DATA',
          `chain ${chainId} has no confirmed block yet`,
          { chainId },
          { retry: true },
        )
      // Heights never fall from round to round: behind another validator's view, stay where the last round was.
      const last = previous?.pins.find((pin) => pin.chainId === chainId)
      if (last !== undefined && last.number > block.number) return last
      return { chainId, number: block.number, hash: block.hash, timestamp: block.timestamp }
    }),
  )
  return previous !== null && sameHeights(pins, previous.pins) ? null : { pins }
}

/**
 * A follower's: takes pins only if they name exactly the feed's chains, its own chain has those very blocks, they
 * have their confirmations, don't go back, go on, and are not old; then waits for the index to hold them.
 * @throws OracleError `ORACLE_BAD_PIN`, IndexError `INDEX_BEHIND`
 */
export async function checkPins(
  chainIds: readonly number[],
  query: FeedQuery,
  previous: FeedOutcome | null,
  maxAgeSeconds: number,
  modules: PinModules,
): Promise<void> {
  const { chain, index } = modules
  if (query.pins.length !== chainIds.length || query.pins.some((pin, at) => pin.chainId !== chainIds[at]))
    throw new OracleError('ORACLE_BAD_PIN', `pins must name the chains ${chainIds.join(', ')} in this order`)
  if (previous !== null && sameHeights(query.pins, previous.pins))
    throw new OracleError('ORACLE_BAD_PIN', 'the pins are those of the previous round')
  await Promise.all(
    query.pins.map(async (pin) => {
      const facts = { chainId: pin.chainId, number: pin.number.toString() }
      const last = previous?.pins.find((candidate) => candidate.chainId === pin.chainId)
      if (last !== undefined && pin.number < last.number)
        throw new OracleError('ORACLE_BAD_PIN', `the pin of chain ${pin.chainId} goes back`, facts)
      const [head, own] = await Promise.all([chain.head(pin.chainId), chain.block(pin.chainId, pin.number)])
      if (own === null || own.hash !== pin.hash || own.timestamp !== pin.timestamp)
        throw new OracleError(
          'ORACLE_BAD_PIN',
          `chain ${pin.chainId} has another block at ${pin.number}`,
          facts,
        )
      // Validators see a new head some moments apart: one block of grace.
      if (pin.number > head.number - BigInt(confirmationsOf(chain, pin.chainId)) + 1n)
        throw new OracleError('ORACLE_BAD_PIN', `the pin of chain ${pin.chainId} lacks confirmations`, facts)
      if (head.timestamp - pin.timestamp > maxAgeSeconds + slack(chain, pin.chainId))
        throw new OracleError('ORACLE_BAD_PIN', `the pin of chain ${pin.chainId} is too old`, facts)
      await index.waitFor(pin.chainId, pin.number, INDEX_WAIT_MS)
    }),
  )
}

/** Confirmations make a pin older than the head by design; twelve seconds a block covers the chains we know. */
const slack = (chain: ChainReader, chainId: number): number => confirmationsOf(chain, chainId) * 12

function confirmationsOf(chain: ChainReader, chainId: number): number {
  const info = chain.chains().find((candidate) => candidate.id === chainId)
  if (info === undefined)
    throw new OracleError('ORACLE_BAD_PIN', `chain ${chainId} is not configured at this node`, { chainId })
  return info.confirmations
}

function sameHeights(a: readonly Pin[], b: readonly Pin[]): boolean {
  return a.every((pin) => b.some((other) => other.chainId === pin.chainId && other.number === pin.number))
}
