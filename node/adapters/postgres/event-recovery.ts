import type { ChainReader, Hex } from '../../ports/chain.ts'
import type { Database } from './database.ts'
import { type Position, readPosition, writePosition } from './event-position.ts'
import { readLive } from './event-rising.ts'
import type { LiveEvent } from './event-window.ts'

/** So many blocks are asked for at once. */
const parallel = 8

type Place = { readonly number: bigint; readonly hash: Hex }

/** What a deep reorganisation did to the log of a chain. */
export interface Damage {
  readonly chainId: number
  /** The newest block of the log that the chain still has; null when it has none. */
  readonly ancestor: Place | null
  /** Events above it, to be reverted. */
  readonly events: readonly LiveEvent[]
  /** Hashes of blocks that the chain has not any more. */
  readonly dead: readonly Hex[]
  readonly position: Position
}

/**
 * Asks the chain which blocks of the log it still has. Above the final block each one is asked for, since an index that
 * went on after a reorganisation may hold rows of two branches; below, where all are of one, the place is searched by
 * halves. Changes nothing; rejects as `ChainReader` when no provider answers.
 */
export async function surveyDamage(
  database: Database,
  { chainId }: { chainId: number },
  { chain }: { chain: Pick<ChainReader, 'block'> },
): Promise<Damage> {
  const position = await readPosition(database, chainId)
  const inChain = async ({ number, hash }: Place) =>
    (await chain.block(chainId, number))?.hash.toLowerCase() === hash.toLowerCase()
  const above = distinctBlocks(await readLive(database, chainId, position.final))
  const dead: Place[] = []
  const alive: Place[] = []
  for (let at = 0; at < above.length; at += parallel) {
    await Promise.all(
      above.slice(at, at + parallel).map(async (place) => {
        const list = (await inChain(place)) ? alive : dead
        list.push(place)
      }),
    )
  }
  const final = await newestAlive(database, chainId, position.final, inChain)
  const { anchor } = position
  const known = [...alive, ...(final.alive === null ? [] : [final.alive])]
  if (anchor !== null && (await inChain(anchor))) known.push(anchor)
  const lowestDead = [...dead, ...(final.dead === null ? [] : [final.dead])]
    .map(({ number }) => number)
    .reduce<bigint | null>((low, number) => (low === null || number < low ? number : low), null)
  const ancestor = known
    .filter(({ number }) => lowestDead === null || number < lowestDead)
    .reduce<Place | null>((high, place) => (high === null || place.number > high.number ? place : high), null)
  const events = await readLive(database, chainId, ancestor?.number ?? -1n)
  return { chainId, ancestor, events, dead: await deadHashes(events, alive), position }
}

/** Reverts what the survey found, newest first, and lets the log go on from the common ancestor. */
export async function repairLog(database: Database, damage: Damage): Promise<void> {
  const { chainId, ancestor, events, position } = damage
  const upTo = ancestor?.number ?? -1n
  const least = (block: bigint) => (block < upTo ? block : upTo)
  await writePosition(database, chainId, {
    from: position,
    to: {
      copied: upTo,
      hash: null,
      confirmed: least(position.confirmed),
      final: least(position.final),
      anchor: ancestor,
      halt: null,
      edition: null,
    },
    reverted: events.map(({ id }) => id),
  })
}

function distinctBlocks(events: readonly LiveEvent[]): readonly Place[] {
  return [...new Map(events.map(({ blockNumber, blockHash }) => [blockHash, blockNumber]))].map(
    ([hash, number]) => ({ number, hash }),
  )
}

function deadHashes(events: readonly LiveEvent[], alive: readonly Place[]): readonly Hex[] {
  const fine = new Set(alive.map(({ hash }) => hash))
  return distinctBlocks(events)
    .map(({ hash }) => hash)
    .filter((hash) => !fine.has(hash))
}

/** Among the events up to `upTo`: the newest block that the chain has, and the oldest that it has not. */
async function newestAlive(
  database: Database,
  chainId: number,
  upTo: bigint,
  inChain: (place: Place) => Promise<boolean>,
): Promise<{ alive: Place | null; dead: Place | null }> {
  let alive: Place | null = null
  let dead: Place | null = null
  for (let low = -1n, high = upTo; low < high; ) {
    // First the top: nearly always it is fine.
    const middle: bigint = dead === null ? high : low + (high - low + 1n) / 2n
    const found = await newestUpTo(database, chainId, middle)
    if (found === null || found.number <= low) {
      low = middle
    } else if (await inChain(found)) {
      alive = found
      low = middle
    } else {
      dead = found
      high = found.number - 1n
    }
  }
  return { alive, dead }
}

async function newestUpTo(database: Database, chainId: number, upTo: bigint): Promise<Place | null> {
  const [row] = await database.query(
    `select block_number, block_hash from event
       where chain_id = $1 and level > 0 and block_number <= $2::numeric
       order by block_number desc limit 1`,
    [chainId, upTo.toString()],
  )
  return row === undefined
    ? null
    : { number: BigInt(String(row.block_number)), hash: String(row.block_hash) as Hex }
}
