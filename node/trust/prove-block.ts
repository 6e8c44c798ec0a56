import type { Witness, WitnessedHeader, WitnessedReceipt } from '../ports/witness.ts'
import { receiptsRoot } from './receipts-root.ts'

export interface ProvenReceipts {
  readonly receipts: readonly WitnessedReceipt[]
  /** Who gave others, which are thereby proven wrong. */
  readonly wrong: readonly Witness[]
}

/**
 * Receipts of a block that its receipts root proves, from the first provider that has them; null when nobody has.
 * The root must be that of a header which is proven, or agreed on.
 */
export async function proveReceipts(
  { hash, receiptsRoot: root }: Pick<WitnessedHeader, 'hash' | 'receiptsRoot'>,
  witnesses: readonly Witness[],
): Promise<ProvenReceipts | null> {
  const wrong: Witness[] = []
  for (const witness of witnesses) {
    const receipts = await witness.receipts(hash).catch(() => null)
    if (receipts === null) continue
    if ((await rootOf(receipts)) === root) return { receipts, wrong }
    wrong.push(witness)
  }
  return null
}

/** Null for receipts that can't be encoded. */
export async function rootOf(receipts: readonly WitnessedReceipt[]): Promise<string | null> {
  return await receiptsRoot(receipts).catch(() => null)
}
