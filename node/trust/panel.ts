import type { Clock } from '../ports/clock.ts'
import type { Witness } from '../ports/witness.ts'

export interface PanelAnswer<T> {
  readonly answers: readonly T[]
  /** Why who gave none, in words without secrets. */
  readonly failures: readonly string[]
}

/**
 * Asks independent providers the same thing until `k` of different parties answered, in their order. One that fails
 * or takes longer than `hedgeMs` is replaced by another, never counted; once `disputed` says that the answers
 * contradict each other, everybody is heard. Never rejects.
 */
export function askPanel<T>(
  options: {
    readonly witnesses: readonly Witness[]
    readonly k: number
    readonly hedgeMs: number
    readonly ask: (witness: Witness) => Promise<T>
    readonly disputed: (answers: readonly T[]) => boolean
  },
  { clock }: { clock: Clock },
): Promise<PanelAnswer<T>> {
  const queue = [...Map.groupBy(options.witnesses, ({ party }) => party).values()]
  const answers: T[] = []
  const failures: string[] = []
  let running = 0
  return new Promise((resolve) => {
    let ended = false
    const hedge = () => {
      if (ended) return
      begin()
      timer = clock.setTimer(options.hedgeMs, hedge)
    }
    let timer = clock.setTimer(options.hedgeMs, hedge)

    function begin(): void {
      const party = queue.shift()
      if (party === undefined) return
      running += 1
      void askParty(party, options.ask, failures).then((answer) => {
        running -= 1
        if (answer !== null && !ended) answers.push(answer.value)
        look()
      })
    }

    function look(): void {
      if (ended) return
      const disputed = options.disputed(answers)
      while (queue.length > 0 && (disputed || running + answers.length < options.k)) begin()
      const settled = !disputed && answers.length >= options.k
      if (!settled && running > 0) return
      ended = true
      timer.cancel()
      resolve({ answers: [...answers], failures: [...failures] })
    }

    look()
  })
}

/** The first of a party's providers that answers speaks for all of them. */
async function askParty<T>(
  party: readonly Witness[],
  ask: (witness: Witness) => Promise<T>,
  failures: string[],
): Promise<{ readonly value: T } | null> {
  for (const witness of party) {
    try {
      return { value: await ask(witness) }
    } catch (error) {
      failures.push(`provider ${witness.provider}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return null
}
