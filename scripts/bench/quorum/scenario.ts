/** A network to be measured. */
export interface Scenario {
  readonly n: number
  readonly medium: 'memory' | 'loopback'
  readonly duties: number
  /** Threads that the validators are dealt to. */
  readonly threads: number
  /** Rounds of each duty before anything is measured. */
  readonly warmUp: number
  /** Rounds, one at a time, whose latency is measured; none with several duties. */
  readonly single: number
  /** Least rounds of each duty while leaders go on as fast as they can. */
  readonly free: number
}

/** Measured runs of each scenario; figures are their medians. */
export const RUNS = 3

/** Memory is a queue in one thread; over loopback the validators share what a second core gives. */
const THREADS = { memory: 1, loopback: 2 } as const

const ROUNDS: readonly Pick<Scenario, 'n' | 'warmUp' | 'single' | 'free'>[] = [
  { n: 4, warmUp: 200, single: 60, free: 120 },
  { n: 7, warmUp: 60, single: 30, free: 50 },
  { n: 16, warmUp: 12, single: 10, free: 12 },
  { n: 31, warmUp: 5, single: 5, free: 5 },
]

export function scenarios(): Scenario[] {
  const media = ['memory', 'loopback'] as const
  const single = ROUNDS.flatMap((rounds) =>
    media.map((medium) => ({ ...rounds, medium, duties: 1, threads: THREADS[medium] })),
  )
  const many = media.flatMap((medium) =>
    [8, 64].map((duties) => ({
      ...{ n: 4, medium, duties, threads: THREADS[medium] },
      ...{ warmUp: 2, single: 0, free: duties === 8 ? 20 : 10 },
    })),
  )
  return [...single, ...many]
}

/** What the names of a scenario's figures begin with. */
export function prefixOf({ n, medium, duties }: Scenario): string {
  return duties === 1 ? `quorum.n${n}.${medium}` : `quorum.n${n}.${medium}.duties${duties}`
}
