/** What a storm found: something that the node says and the chain does not, or the other way round. */
export class Difference extends Error {
  override readonly name = 'Difference'
  /** What differs, such as a table or a consumer. */
  readonly where: string
  /** The first of the rows that differ, each with the side that has it. */
  readonly examples: readonly string[]

  constructor(where: string, message: string, examples: readonly string[] = []) {
    super(message)
    this.where = where
    this.examples = examples
  }
}

/** The first of two lists' members that only one of them has; null when both have the same, each as often. */
export function differing(
  here: { readonly name: string; readonly rows: readonly string[] },
  there: { readonly name: string; readonly rows: readonly string[] },
  limit = 6,
): readonly string[] | null {
  const only = (one: readonly string[], other: readonly string[], name: string) => {
    const counts = new Map<string, number>()
    for (const row of other) counts.set(row, (counts.get(row) ?? 0) + 1)
    const found: string[] = []
    for (const row of one) {
      const left = counts.get(row) ?? 0
      if (left === 0) found.push(`only ${name}: ${row}`)
      else counts.set(row, left - 1)
    }
    return found
  }
  const found = [...only(here.rows, there.rows, here.name), ...only(there.rows, here.rows, there.name)]
  return found.length === 0 ? null : found.slice(0, limit)
}
