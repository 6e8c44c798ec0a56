import type { Hex } from '../ports/chain.ts'
import type { Witness, WitnessedHeader } from '../ports/witness.ts'
import { isHeaderProven } from './header-hash.ts'

/** Headers asked for at once. */
const AT_ONCE = 8

/**
 * When blocks were made, by hash, in Unix seconds. A header that hashes to the hash is enough, whoever gives it. Blocks of
 * which nobody gives one are left out; once that is because the chain's headers have a form of their own, no more are asked for.
 */
export async function blockTimes(
  hashes: readonly Hex[],
  known: readonly WitnessedHeader[],
  witnesses: readonly Witness[],
): Promise<ReadonlyMap<Hex, number>> {
  const times = new Map(known.map(({ hash, timestamp }) => [hash, timestamp]))
  const unknown = [...new Set(hashes)].filter((hash) => !times.has(hash))
  for (let at = 0; at < unknown.length; at += AT_ONCE) {
    const some = unknown.slice(at, at + AT_ONCE)
    const found = await Promise.all(some.map((hash) => provenHeader(hash, witnesses)))
    for (const header of found) if (header !== null) times.set(header.hash, header.timestamp)
    if (found.every((header) => header === null)) break
  }
  return times
}

async function provenHeader(hash: Hex, witnesses: readonly Witness[]): Promise<WitnessedHeader | null> {
  for (const witness of witnesses) {
    const header = await witness.header(hash).catch(() => null)
    if (header !== null && header.hash === hash && isHeaderProven(header)) return header
  }
  return null
}
