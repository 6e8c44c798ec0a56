import type { AgreementRule } from '../../ports/agreement-rule.ts'
import type { ModelInfo } from '../../ports/inference.ts'
import { agree, distance } from '../quantize.ts'

export interface Comparison {
  readonly agrees: boolean
  /** Largest gap of two numbers, in quantised units. */
  readonly distance: bigint
}

/**
 * Whether two versions say the same. Numbers are held against the tolerance; of scores (rules `class` and `top-k`) only what
 * they choose counts, row by row.
 * @param live quantised answer of the version at work, row-major; `row` is the length of a row, its last axis
 */
export function compareAnswers(
  live: readonly bigint[],
  other: readonly bigint[],
  { rule, tolerance, row }: { rule: AgreementRule; tolerance: ModelInfo['tolerance']; row: number },
): Comparison {
  if (live.length !== other.length) return { agrees: false, distance: 0n }
  let [widest, agrees] = [0n, true]
  for (const [i, value] of live.entries()) {
    const got = other[i] ?? 0n
    const gap = distance(got, value)
    if (gap > widest) widest = gap
    if (!agree(got, value, tolerance)) agrees = false
  }
  const kept = rule.rule === 'class' ? 1 : rule.rule === 'top-k' ? rule.k : null
  return { agrees: kept === null ? agrees : sameChoices(live, other, row, kept), distance: widest }
}

function sameChoices(live: readonly bigint[], other: readonly bigint[], row: number, kept: number): boolean {
  for (let at = 0; at < live.length; at += row) {
    const chosen = new Set(best(live.slice(at, at + row), kept))
    if (!best(other.slice(at, at + row), kept).every((index) => chosen.has(index))) return false
  }
  return true
}

/** Indices of the `count` greatest, the first of equal ones. */
function best(scores: readonly bigint[], count: number): readonly number[] {
  const order = scores.map((score, index) => ({ score, index }))
  order.sort((a, b) => (a.score === b.score ? a.index - b.index : a.score > b.score ? -1 : 1))
  return order.slice(0, count).map(({ index }) => index)
}
