import type { Hex } from '../../ports/chain.ts'
import { blockSlots, type Row } from '../../ports/index-tables.ts'

/** An event of the log that is in the chain as far as the log knows, and not final. */
export interface LiveEvent {
  readonly id: bigint
  readonly blockNumber: bigint
  readonly blockHash: Hex
  readonly logIndex: number
}

/** A log's name on its chain. */
export const placeOf = ({ blockHash, logIndex }: Pick<LiveEvent, 'blockHash' | 'logIndex'>) =>
  `${blockHash}/${logIndex}`

/** What the log has and the index has not, and the other way round, as far as the index is read. */
export function compareWindow(
  ours: readonly LiveEvent[],
  theirs: readonly Row<'event'>[],
  upTo: bigint,
): { readonly missing: readonly LiveEvent[]; readonly extra: readonly Row<'event'>[] } {
  const indexed = new Set(theirs.map(placeOf))
  const known = new Set(ours.map(placeOf))
  return {
    missing: ours.filter((event) => event.blockNumber <= upTo && !indexed.has(placeOf(event))),
    extra: theirs.filter((row) => !known.has(placeOf(row))),
  }
}

/**
 * The lowest block of `missing` that the chain has not. An event that only the index lacks is in the chain all the same:
 * its contract may not be indexed any more.
 *
 * @param hashAt what the chain has at a height; null when it does not say
 * @returns null when there is none; 'unknown' when the chain did not say
 */
export async function forkOf(
  missing: readonly LiveEvent[],
  hashAt: (number: bigint) => Promise<Hex | null>,
): Promise<bigint | null | 'unknown'> {
  const blocks = new Map(missing.map(({ blockHash, blockNumber }) => [blockHash, blockNumber]))
  for (const [hash, number] of [...blocks].sort(([, a], [, b]) => (a < b ? -1 : 1))) {
    const found = await hashAt(number)
    if (found === null) return 'unknown'
    if (found.toLowerCase() !== hash.toLowerCase()) return number
  }
  return null
}

/**
 * The blocks of events that become final: each one near the tip, where an index may hold rows of two branches; below, the
 * newest stands for all.
 */
export function blocksToCheck(
  events: readonly { readonly blockNumber: bigint; readonly blockHash: Hex }[],
  final: bigint,
  tip: bigint,
): readonly { readonly blockNumber: bigint; readonly blockHash: Hex }[] {
  const blocks = new Map(
    events
      .filter(({ blockNumber }) => blockNumber <= final)
      .map(({ blockHash, blockNumber }) => [blockHash, { blockHash, blockNumber }]),
  )
  const sorted = [...blocks.values()].sort((a, b) => (a.blockNumber < b.blockNumber ? -1 : 1))
  return sorted.filter(
    ({ blockNumber }, at) => at === sorted.length - 1 || tip - blockNumber < BigInt(blockSlots),
  )
}
