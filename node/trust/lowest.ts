/** The lowest block number of a list; null for an empty one. */
export function lowest(blocks: readonly bigint[]): bigint | null {
  let found: bigint | null = null
  for (const block of blocks) if (found === null || block < found) found = block
  return found
}
