/** A table in Markdown, its columns padded; the first row is its head. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (most, row) => row.map((text, i) => Math.max(most[i] ?? 3, text.length)),
    [],
  )
  const print = (row: readonly string[]) =>
    `| ${row.map((text, i) => text.padEnd(widths[i] ?? 0)).join(' | ')} |`
  const [head = [], ...body] = rows
  return [print(head), print(widths.map((width) => '-'.repeat(width))), ...body.map(print)].join('\n')
}

/** The two lines of a model's card that a generated part stands between. */
export const markers = (name: string) => [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`] as const

/** The card with `text` between its markers in place of what was there; null where it has none. */
export function withPart(card: string, name: string, text: string): string | null {
  const [first, last] = markers(name)
  const [begin, end] = [card.indexOf(first), card.indexOf(last)]
  if (begin === -1 || end < begin) return null
  return `${card.slice(0, begin + first.length)}\n\n${text}\n\n${card.slice(end)}`
}
