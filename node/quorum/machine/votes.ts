interface Vote<T> {
  readonly value: T
  state: 'unchecked' | 'valid' | 'invalid'
}

/** At most one vote per oracle; votes are checked only once enough of them could make a quorum. */
export class Votes<T> {
  readonly #votes: (Vote<T> | undefined)[]

  constructor(n: number) {
    this.#votes = new Array<Vote<T> | undefined>(n).fill(undefined)
  }

  has(oracle: number): boolean {
    return this.#votes[oracle] !== undefined
  }

  get(oracle: number): T | undefined {
    return this.#votes[oracle]?.value
  }

  /** The first vote counts; later ones of the same oracle are ignored. `trusted` ones are this node's own. */
  add(oracle: number, value: T, trusted: boolean): void {
    if (this.has(oracle)) return
    this.#votes[oracle] = { value, state: trusted ? 'valid' : 'unchecked' }
  }

  all(): { readonly oracle: number; readonly value: T }[] {
    return this.#votes.flatMap((vote, oracle) => (vote === undefined ? [] : [{ oracle, value: vote.value }]))
  }

  /** Oracles whose vote could count for what `matches` accepts. */
  voters(matches: (value: T) => boolean): number[] {
    const out: number[] = []
    this.#votes.forEach((vote, oracle) => {
      if (vote !== undefined && vote.state !== 'invalid' && matches(vote.value)) out.push(oracle)
    })
    return out
  }

  /** `need` valid votes among the matching ones, ascending by oracle; null while there are fewer. `bad` hears of forgeries. */
  collect(
    need: number,
    matches: (value: T) => boolean,
    verify: (oracle: number, value: T) => boolean,
    bad: (oracle: number, value: T) => void,
  ): { readonly oracle: number; readonly value: T }[] | null {
    const voters = this.voters(matches)
    if (voters.length < need) return null
    const out: { oracle: number; value: T }[] = []
    // What is already known to be valid costs nothing.
    const known = voters.filter((oracle) => this.#votes[oracle]?.state === 'valid')
    const unknown = voters.filter((oracle) => this.#votes[oracle]?.state === 'unchecked')
    for (const oracle of [...known, ...unknown]) {
      const vote = this.#votes[oracle]
      if (vote === undefined) continue
      if (vote.state === 'unchecked') vote.state = verify(oracle, vote.value) ? 'valid' : 'invalid'
      if (vote.state === 'invalid') {
        bad(oracle, vote.value)
        continue
      }
      out.push({ oracle, value: vote.value })
      if (out.length === need) return out.sort((a, b) => a.oracle - b.oracle)
    }
    return null
  }
}
