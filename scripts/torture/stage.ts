import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Logger } from '../../node/ports/log.ts'
import { keepFindings, keepLog, keptLog, type Outcome } from './report.ts'

/** What every storm has. */
export interface Stage {
  /** A folder of its own: it stays where something differs. */
  readonly dir: string
  readonly log: Logger
  /** What is stopped at the end, the last one first. */
  readonly stops: (() => unknown)[]
  /** Which seed is to be told of where something differs. */
  seed: number
  /** Keeps more than the log where something differs, before all is stopped. */
  keepMore: () => Promise<void>
}

/** Plays a storm and clears up. Rejects with the findings, whose message names the folder that is kept. */
export async function onStage(
  {
    name,
    seed,
    keep = false,
  }: { readonly name: string; readonly seed: number; readonly keep?: boolean | undefined },
  play: (stage: Stage) => Promise<Outcome>,
): Promise<Outcome> {
  const dir = mkdtempSync(join(tmpdir(), `iyi-torture-${name}-${seed}-`))
  const { log, lines } = keptLog()
  const stage: Stage = { dir, log, seed, stops: [], keepMore: async () => {} }
  try {
    const outcome = await play(stage)
    await stopEach(stage.stops)
    if (keep) keepLog(dir, lines)
    else rmSync(dir, { recursive: true, force: true })
    return outcome
  } catch (error) {
    await stage.keepMore().catch(() => {})
    await stopEach(stage.stops).catch(() => {})
    throw new AggregateError([error], keepFindings(dir, { seed: stage.seed, error, log: lines }).join('\n'))
  }
}

/** Stops all, also where one fails to; rejects with the first failure. */
async function stopEach(stops: (() => unknown)[]): Promise<void> {
  const failures: unknown[] = []
  for (const stop of stops.splice(0).reverse())
    try {
      await stop()
    } catch (error) {
      failures.push(error)
    }
  if (failures.length > 0) throw failures[0]
}
