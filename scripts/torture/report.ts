import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Pool } from 'pg'
import type { Logger } from '../../node/ports/log.ts'
import type { Labels, Metrics } from '../../node/ports/metrics.ts'
import { Difference } from './difference.ts'

/** What one round came to. */
export interface Outcome {
  readonly storm: string
  readonly seed: number
  readonly seconds: number
  /** Logs of the chains at the end that were compared. */
  readonly events: number
  readonly rows: number
  /** Of all rows of the index. */
  readonly hash: string
  /** What happened, such as `reorganisations 12`. */
  readonly counts: Readonly<Record<string, number>>
}

export function outcomeLine({ storm, seed, seconds, events, rows, hash, counts }: Outcome): string {
  const more = Object.entries(counts).map(([name, value]) => `${value} ${name}`)
  return `${storm} seed ${seed}: ${[...more, `${events} events`, `${rows} rows`, `${seconds.toFixed(1)} s`].join(', ')}; equal, rows ${hash}`
}

/** Keeps what a person needs to look into a difference, and says where. */
export function keepFindings(
  dir: string,
  { seed, error, log }: { seed: number; error: unknown; log: readonly string[] },
): readonly string[] {
  mkdirSync(dir, { recursive: true })
  const lines =
    error instanceof Difference
      ? [`seed ${seed}: ${error.where}: ${error.message}`, ...error.examples]
      : [`seed ${seed}: ${error instanceof Error ? error.stack : String(error)}`]
  writeFileSync(join(dir, 'difference.txt'), `${lines.join('\n')}\n`)
  keepLog(dir, log)
  return [...lines, `kept: ${dir}`]
}

/** The event log's own tables, a JSON object a line. */
export async function keepEventLog(
  dir: string,
  { pool, schema }: { pool: Pool; schema: string },
): Promise<void> {
  for (const table of ['event', 'event_notice', 'event_cursor', 'event_consumer', 'event_dead_letter']) {
    const { rows } = await pool.query<{ row: string }>(
      `select row_to_json(t)::text as row from "${schema}"."${table}" t`,
    )
    writeFileSync(join(dir, `${table}.jsonl`), `${rows.map(({ row }) => row).join('\n')}\n`)
  }
}

export function keepLog(dir: string, log: readonly string[]): void {
  if (log.length > 0) writeFileSync(join(dir, 'log.jsonl'), `${log.join('\n')}\n`)
}

/** A logger that keeps its lines for `keepFindings`. */
export function keptLog(): { readonly log: Logger; readonly lines: readonly string[] } {
  const lines: string[] = []
  const make = (bound: object): Logger => {
    const at = (level: string) => (fields: object, message: string) => {
      lines.push(
        JSON.stringify({ time: new Date().toISOString(), level, ...bound, ...fields, message }, plain),
      )
    }
    return {
      ...{ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
      child: (more) => make({ ...bound, ...more }),
    }
  }
  return { log: make({}), lines }
}

function plain(_: string, value: unknown): unknown {
  if (value instanceof Error) return { ...value, message: value.message, stack: value.stack }
  return typeof value === 'bigint' ? value.toString() : value
}

/** Metrics that count, by name alone. */
export function countingMetrics(): { readonly metrics: Metrics; count(name: string): number } {
  const counts = new Map<string, number>()
  return {
    metrics: {
      counter: ({ name }) => ({
        inc: (_?: Labels, by = 1) => void counts.set(name, (counts.get(name) ?? 0) + by),
      }),
      gauge: () => ({ set: () => {} }),
      histogram: () => ({ observe: () => {} }),
    },
    count: (name) => counts.get(name) ?? 0,
  }
}
