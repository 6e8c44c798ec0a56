import type { LogLine } from './log-lines.ts'

/** How far a backfill is, and how long it still takes at the speed so far. */
export interface BuildProgress {
  /** 0 to 1. */
  readonly progress: number
  readonly secondsLeft: number | null
}

/** The share of its backfill that Ponder says it has done, every 5 s; null for any other line. */
export function progressIn({ msg, fields }: LogLine): number | null {
  if (msg !== 'Updated backfill indexing progress') return null
  const [, percent] = /^(\d+(?:\.\d+)?)%$/.exec(String(fields.progress)) ?? []
  return percent === undefined ? null : Math.min(1, Number(percent) / 100)
}

/** Remembers when a backfill was first seen, and estimates by that. */
export class Estimate {
  #first: { readonly atMs: number; readonly progress: number } | null = null

  at(nowMs: number, progress: number): BuildProgress {
    this.#first ??= { atMs: nowMs, progress }
    const { atMs, progress: before } = this.#first
    const speed = (progress - before) / (nowMs - atMs)
    const secondsLeft = speed > 0 ? Math.round((1 - progress) / speed / 1_000) : null
    return { progress, secondsLeft }
  }
}
