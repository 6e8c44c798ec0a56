import type { ChainReader } from '../../node/ports/chain.ts'
import type { BlockPlace, ChainTrust } from '../../node/ports/chain-trust.ts'
import type { ChainFreshness, IndexReader } from '../../node/ports/index-reader.ts'
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
  pinOf,
} from './pin-state.ts'

/**
 * The leader's: the newest block of each chain that is indexed, has its confirmations, and of which enough independent
 * providers say what the index says. A chain that can't be read keeps the pin of the previous round, so that one dead
 * chain does not silence a feed of several; a chain whose duties are halted does silence it. Null when no chain moved:
 * nothing new to agree on.
 * @throws OracleError `ORACLE_NO_DATA` (retry), `ORACLE_CHAIN_HALTED`, ChainError, IndexError
 */
export async function choosePins(
  { chainIds, maxAgeSeconds }: { chainIds: readonly number[]; maxAgeSeconds: number },
  previous: Pinned | null,
  { chain, index, trust }: { chain: ChainReader; index: IndexReader; trust: ChainTrust },
): Promise<FeedQuery | null> {
  checkHalts(chainIds, trust)
  const freshness = await index.freshness()
  const failures: unknown[] = []
  const pins = await Promise.all(
    chainIds.map(async (chainId): Promise<Pin> => {
      const last = lastPin(previous, chainId)
      try {
        const pin = await newestPin(chainId, maxAgeSeconds, {
          ...{ freshness, chain, last },
          agreed: trust.agreed(chainId),
        })
        if (last === null || pin.number >= last.number) return pin
        // Behind what others saw: stay. After a reorganisation there is nothing to stay at.
        return (await isGone(last, chain)) ? pin : last
      } catch (error) {
        if (last === null || !isPassing(error)) throw error
        failures.push(error)
        return last
      }
    }),
  )
  if (!nothingMoved(pins, previous)) return { pins }
  // "Nothing to do" would be a guess about a chain that could not be read.
  if (failures.length > 0) throw failures[0]
  return null
}

async function newestPin(
  chainId: number,
  maxAgeSeconds: number,
  {
    freshness,
    chain,
    agreed,
    last,
  }: {
    freshness: readonly ChainFreshness[]
    chain: ChainReader
    agreed: BlockPlace | null
    last: Pin | null
  },
): Promise<Pin> {
  const indexed = freshness.find((entry) => entry.chainId === chainId)?.indexed ?? null
  if (indexed === null) throw noData(chainId, 'has no indexed block yet')
  if (agreed === null) throw noData(chainId, 'has no block yet that its providers agree on')
  const head = await chain.head(chainId)
  const confirmed = head.number - BigInt(confirmationsOf(chain, chainId))
  const number = [confirmed, indexed.number, agreed.number].reduce((least, each) =>
    each < least ? each : least,
  )
  // An idle leader looks several times a block: what was pinned and is still agreed on need not be asked for again.
  const isLast = number === last?.number && number === agreed.number && last.hash === agreed.hash
  const block: Pin | null = isLast ? last : await blockAt(chain, chainId, number)
  if (block === null) throw noData(chainId, 'has no confirmed block yet')
  if (number === agreed.number && block.hash !== agreed.hash)
    throw noData(chainId, `has another block at ${number} than its providers agreed on`)
  // Everybody would refuse it; while the index catches up there is nothing to ask of them.
  if (isTooOld(block, head, confirmationsOf(chain, chainId), maxAgeSeconds))
    throw noData(
      chainId,
      `is indexed up to ${indexed.number} and agreed on up to ${agreed.number} of ${head.number} only`,
    )
  return block
}

async function blockAt(chain: ChainReader, chainId: number, number: bigint): Promise<Pin | null> {
  const block = number < 0n ? null : await chain.block(chainId, number)
  return block === null ? null : pinOf(chainId, block)
}

const noData = (chainId: number, what: string): OracleError =>
  new OracleError('ORACLE_NO_DATA', `chain ${chainId} ${what}`, { chainId }, { retry: true })
