import { Difference } from './difference.ts'

/** Rejects a storm in which one of these never happened: that it finds no difference then says nothing. */
export function mustHaveHappened(counts: Readonly<Record<string, number>>): void {
  const missing = Object.keys(counts).filter((name) => !((counts[name] ?? 0) > 0))
  if (missing.length === 0) return
  throw new Difference(
    'storm',
    `it was none: ${missing.map((name) => `no ${name}`).join(', ')}; give it more`,
  )
}
