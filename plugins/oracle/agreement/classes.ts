import type { ClassVotes, Judgement, Vote } from './agreement-types.ts'
import { bestOf } from './top-k.ts'
import { middleOf } from './vectors.ts'

/**
 * Counts what the nodes chose: their best class (`k` = 1), or their `k` best. How far scores are from each other decides
 * nothing: a vote is a vote, so that huge scores are worth no more than honest ones.
 *
 * The choice with most votes stands when at most f of the m >= 2f + 1 observations are not for it. Then m - f >= f + 1
 * are: at least one honest node chose it, and as 2(m - f) > m no other choice has as many. (With equal votes the lower
 * classes come first here, and neither has enough.) Of one round's observations there is one answer at most; but who
 * picks the observations, the leader, could pick an honest minority and f liars. While the margin is above twice the
 * honest spread there is no honest minority (`bestOf`); otherwise ask for floor((n + f) / 2) + 1 agreeing, which no two
 * different choices can have among all n.
 */
export function classOf(votes: readonly Vote[], k: number, margin: bigint): Judgement {
  const camps = new Map<string, { readonly classes: readonly number[]; readonly voters: Vote[] }>()
  let undecided = 0
  for (const vote of votes) {
    const classes = bestOf(vote.values, k, margin)
    if (classes === null) {
      undecided++
      continue
    }
    const key = classes.join()
    const camp = camps.get(key) ?? { classes, voters: [] }
    camp.voters.push(vote)
    camps.set(key, camp)
  }
  const counted = [...camps.values()].sort(
    (a, b) => b.voters.length - a.voters.length || compareClasses(a.classes, b.classes),
  )
  const [first] = counted
  return {
    values: first?.classes.map(BigInt) ?? [],
    reference: first === undefined ? [] : middleOf(first.voters.map((vote) => vote.values)),
    agreeing: first?.voters ?? [],
    votes: counted.map(({ classes, voters }): ClassVotes => ({ classes, votes: voters.length })),
    undecided,
  }
}

function compareClasses(a: readonly number[], b: readonly number[]): number {
  const i = a.findIndex((value, k) => value !== b[k])
  return i === -1 ? 0 : (a[i] ?? 0) - (b[i] ?? 0)
}
