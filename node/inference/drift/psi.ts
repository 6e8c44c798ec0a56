/**
 * Population-stability index of two histograms over the same bins: the sum over bins of (a - e) ln(a / e), the shares
 * being those of what came (a) and of the reference (e). Symmetric, 0 where they are equal (Siddiqi, Credit Risk
 * Scorecards, 2006). By usage, not by theory: below 0.1 nothing happened, above 0.25 the population is another one.
 *
 * Each count is smoothed by a half (Krichevsky and Trofimov 1981), as an empty bin would make it infinite.
 */
export function psi(expected: ArrayLike<number>, actual: ArrayLike<number>): number {
  const bins = expected.length
  let [expectedTotal, actualTotal] = [bins / 2, bins / 2]
  for (let i = 0; i < bins; i++) {
    expectedTotal += expected[i] ?? 0
    actualTotal += actual[i] ?? 0
  }
  let index = 0
  for (let i = 0; i < bins; i++) {
    const e = ((expected[i] ?? 0) + 0.5) / expectedTotal
    const a = ((actual[i] ?? 0) + 0.5) / actualTotal
    index += (a - e) * Math.log(a / e)
  }
  return index
}
