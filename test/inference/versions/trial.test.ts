import { describe, expect, it } from 'vitest'
import { compareAnswers } from '../../../node/inference/versions/compare-answers.ts'
import { Trial, type TrialRun } from '../../../node/inference/versions/trial.ts'

const limits = { window: 20, minRuns: 10, maxDisagreement: 0.1, maxFailures: 0.1, maxSlowdown: 3 }

function compared(over: Partial<TrialRun & { kind: 'compared' }> = {}): TrialRun {
  return { kind: 'compared', agrees: true, distance: 0n, durationMs: 5, liveMs: 4, ...over }
}

function trial(...runs: readonly TrialRun[]): Trial {
  const made = new Trial(limits)
  for (const run of runs) made.add(run)
  return made
}

const many = (count: number, run: TrialRun) => Array.from({ length: count }, () => run)

describe('a trial', () => {
  it('says nothing of few runs, and nothing against good ones', () => {
    const differs = compared({ agrees: false })
    expect(trial(...many(9, differs)).verdict()).toBeNull()
    expect(trial(...many(9, differs)).proven).toBe(false)
    const good = trial(...many(20, compared()))
    expect(good.verdict()).toBeNull()
    expect(good.proven).toBe(true)
  })

  it('ends at more disagreement than is allowed, and not at just that', () => {
    const differs = compared({ agrees: false })
    expect(trial(...many(2, differs), ...many(18, compared())).verdict()).toBeNull()
    expect(trial(...many(3, differs), ...many(17, compared())).verdict()).toContain(
      '15 % of 20 runs disagree',
    )
  })

  it('forgets what left the window', () => {
    const made = trial(...many(3, compared({ agrees: false })), ...many(20, compared()))
    expect(made.figures().disagreement).toBe(0)
  })

  it('ends at failures, at a few that do harm sooner', () => {
    const failed = { kind: 'failed', harm: false } as const
    expect(trial(...many(2, failed), ...many(18, compared())).verdict()).toBeNull()
    expect(trial(...many(3, failed), ...many(17, compared())).verdict()).toContain('failed')
    expect(trial(...many(10, failed)).verdict()).toContain('failed')
    expect(trial(...many(2, { ...failed, harm: true })).verdict()).toBeNull()
    expect(trial(...many(3, { ...failed, harm: true })).verdict()).toContain('ended the process')
  })

  it('ends when it is slow beside the version at work, but never below 10 ms', () => {
    expect(trial(...many(20, compared({ durationMs: 9.9, liveMs: 0.1 }))).verdict()).toBeNull()
    expect(trial(...many(20, compared({ durationMs: 29, liveMs: 10 }))).verdict()).toBeNull()
    expect(trial(...many(20, compared({ durationMs: 31, liveMs: 10 }))).verdict()).toContain('31.0 ms')
    // One slow run in twenty is the 95th percentile; of a kept answer nothing is learned about the other.
    expect(trial(...many(19, compared()), compared({ durationMs: 100 })).verdict()).toContain('100.0 ms')
    expect(trial(...many(20, compared({ liveMs: null }))).figures().liveP95Ms).toBe(0)
  })

  it('tells quantiles of the distance', () => {
    const runs = Array.from({ length: 20 }, (_, i) => compared({ distance: BigInt(i) }))
    expect(trial(...runs).figures().distance).toEqual([10, 19, 19])
  })
})

describe('two answers', () => {
  const tolerance = { absolute: 5n, relativePpm: 10_000 }
  const median = {
    rule: { rule: 'median' as const, tolerances: [{ absolute: '5', relativePpm: 0 }] },
    row: 1,
  }
  const scores = (
    rule: { rule: 'class'; margin: string } | { rule: 'top-k'; k: number; margin: string },
  ) => ({
    ...{ rule, tolerance, row: 3 },
  })

  it('agree when every number is within the tolerance', () => {
    const compare = (live: bigint[], other: bigint[]) => compareAnswers(live, other, { ...median, tolerance })
    expect(compare([100n, -1000n], [105n, -1010n])).toEqual({ agrees: true, distance: 10n })
    expect(compare([100n, -1000n], [106n, -1000n])).toEqual({ agrees: false, distance: 6n })
    expect(compare([100n], [100n, 1n])).toMatchObject({ agrees: false })
  })

  it('agree by what scores choose, row by row', () => {
    const rule = { rule: 'class', margin: '1' } as const
    const live = [1n, 5n, 2n, 9n, 0n, 0n]
    expect(compareAnswers(live, [40n, 90n, 60n, 9n, 8n, 7n], scores(rule))).toEqual({
      ...{ agrees: true, distance: 85n },
    })
    expect(compareAnswers(live, [1n, 5n, 2n, 0n, 9n, 0n], scores(rule))).toMatchObject({ agrees: false })
    const two = { rule: 'top-k', k: 2, margin: '1' } as const
    expect(compareAnswers([1n, 5n, 2n], [0n, 2n, 5n], scores(two))).toMatchObject({ agrees: true })
    expect(compareAnswers([1n, 5n, 2n], [3n, 5n, 2n], scores(two))).toMatchObject({ agrees: false })
  })
})
