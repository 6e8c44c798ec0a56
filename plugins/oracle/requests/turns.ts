import { inOrder, type Place } from './backlog.ts'

/** What waits is a flood when it takes more rounds than this. */
const FLOOD_ROUNDS = 4

export interface TurnOptions<R> {
  /** Who wants it. */
  readonly whose: (row: R) => string
  /** How often it was tried in vain. */
  readonly tries: (row: R) => number
  /** Places of one round. */
  readonly most: number
  /** In a flood: whether the first place goes to the newest. */
  readonly newestFirst: boolean
}

/**
 * In which order what waits is served: one of each who wants something, then the second of each; of one turn what was tried less
 * often first, then what is older. Who asks for much, and what can't be done, goes behind the others. In a flood, which any number
 * of accounts may make, each second place goes to the newest: who comes after it does not wait until all of it was tried.
 */
export function inTurns<R extends Place>(rows: readonly R[], options: TurnOptions<R>): readonly R[] {
  const oldest = inOrder(rows)
  const first = takeTurns(oldest, options)
  if (rows.length <= FLOOD_ROUNDS * options.most) return first
  const second = takeTurns([...oldest].reverse(), options)
  const [a, b] = options.newestFirst ? [second, first] : [first, second]
  return [...new Set(a.flatMap((row, at) => [row, b[at] ?? row]))]
}

function takeTurns<R>(rows: readonly R[], { whose, tries }: TurnOptions<R>): readonly R[] {
  const turns = new Map<string, number>()
  return rows
    .map((row) => ({ row, tried: tries(row) }))
    .sort((a, b) => a.tried - b.tried)
    .map(({ row, tried }) => {
      const turn = turns.get(whose(row)) ?? 0
      turns.set(whose(row), turn + 1)
      return { row, tried, turn }
    })
    .sort((a, b) => a.turn - b.turn || a.tried - b.tried)
    .map(({ row }) => row)
}
