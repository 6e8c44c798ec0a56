/** Edit distance (Levenshtein 1966), in one row of memory. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (const [i, letter] of [...a].entries()) {
    const row = [i + 1]
    for (const [j, other] of [...b].entries()) {
      const substitute = (previous[j] ?? 0) + (letter === other ? 0 : 1)
      row.push(Math.min(substitute, (previous[j + 1] ?? 0) + 1, (row[j] ?? 0) + 1))
    }
    previous = row
  }
  return previous[b.length] ?? 0
}

/** The known name that somebody most likely meant by `name`; null when none is near (a third of its length, at least 2). */
export function nearest(name: string, known: readonly string[]): string | null {
  const limit = Math.max(2, Math.floor(name.length / 3))
  let best: { name: string; distance: number } | null = null
  for (const candidate of known) {
    const d = distance(name.toLowerCase(), candidate.toLowerCase())
    if (d <= limit && (best === null || d < best.distance)) best = { name: candidate, distance: d }
  }
  return best?.name ?? null
}
