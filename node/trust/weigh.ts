import { lowest } from './lowest.ts'
import { disputedBlock, type Range, type Statement } from './statement.ts'

/**
 * What the statements of independent providers come to.
 * - `agreed`: at least k, and nobody who was asked says otherwise.
 * - `short`: nobody says otherwise, but fewer than k answered.
 * - `fork`: they stand on different blocks at one height.
 * - `content`: they stand on the same block, and say different things of what is in it or below it.
 */
export type Finding =
  | { readonly kind: 'agreed'; readonly statement: Statement }
  | { readonly kind: 'short' }
  | { readonly kind: 'fork' }
  | { readonly kind: 'content'; readonly block: bigint }

export function weigh(range: Range, statements: readonly Statement[], k: number): Finding {
  const [reference] = statements
  if (reference === undefined) return { kind: 'short' }
  const disputes = statements.flatMap((one, at) =>
    statements
      .slice(at + 1)
      .filter((other) => other.end.hash === one.end.hash)
      .map((other) => disputedBlock(range, one, other))
      .filter((block) => block !== null),
  )
  const block = lowest(disputes)
  if (block !== null) return { kind: 'content', block }
  if (statements.some(({ end }) => end.hash !== reference.end.hash)) return { kind: 'fork' }
  return statements.length < k ? { kind: 'short' } : { kind: 'agreed', statement: reference }
}
