import type { ChainLog, Hex } from '../ports/chain.ts'
import type { Witness, WitnessedHeader, WitnessedReceipt } from '../ports/witness.ts'
import { isHeaderProven } from './header-hash.ts'
import { mayHold } from './log-bloom.ts'
import { proveReceipts } from './prove-block.ts'
import { logsOfReceipts, sameAsProven } from './proven-logs.ts'
import type { Statement } from './statement.ts'
import type { Scope } from './take-statement.ts'

export interface Disproved {
  readonly header: WitnessedHeader
  readonly receipts: readonly WitnessedReceipt[]
  readonly logs: readonly ChainLog[]
}

export interface RangeProof {
  /** Blocks whose logs, or their absence, header and receipts prove. */
  readonly proven: number
  /** Blocks of which that was not possible here: a header of another form, or no receipts. */
  readonly unproven: number
  /** A block of which something is said that its receipts disprove, and what they prove; null when there is none. */
  readonly disproved: Disproved | null
  /** Those of the blocks that were looked at, as far as they are proven. */
  readonly headers: readonly WitnessedHeader[]
  /** Who gave receipts that are proven wrong, and of which block. */
  readonly wrong: readonly { readonly witness: Witness; readonly header: WitnessedHeader }[]
}

/**
 * Proves what was agreed on, beyond what providers say: each block that has logs of ours, and the first and the last
 * block where their bloom filter leaves it open whether they have.
 */
export async function proveRange(
  { end, first, logs }: Statement,
  { scope, witnesses }: { readonly scope: Scope; readonly witnesses: readonly Witness[] },
): Promise<RangeProof> {
  const found = Map.groupBy(logs, ({ blockHash }) => blockHash)
  for (const { hash, logsBloom } of [first, end])
    if (!found.has(hash) && mayHold(logsBloom, scope.addresses, scope.topics)) found.set(hash, [])
  let proven = 0
  let unproven = 0
  let disproved: Disproved | null = null
  const headers: WitnessedHeader[] = []
  const wrong: { witness: Witness; header: WitnessedHeader }[] = []
  for (const [hash, told] of found) {
    const header = [first, end].find((known) => known.hash === hash) ?? (await headerOf(hash, witnesses))
    const isProven = header !== null && isHeaderProven(header)
    if (isProven) headers.push(header)
    const proof = isProven ? await proveReceipts(header, witnesses) : null
    if (header === null || proof === null) {
      unproven += 1
      continue
    }
    proven += 1
    wrong.push(...proof.wrong.map((witness) => ({ witness, header })))
    const truth = logsOfReceipts(header, proof.receipts, scope)
    if (!sameAsProven(told, truth)) disproved ??= { header, receipts: proof.receipts, logs: truth }
  }
  return { proven, unproven, disproved, headers, wrong }
}

async function headerOf(hash: Hex, witnesses: readonly Witness[]): Promise<WitnessedHeader | null> {
  for (const witness of witnesses) {
    const header = await witness.header(hash).catch(() => null)
    if (header !== null && header.hash === hash) return header
  }
  return null
}
