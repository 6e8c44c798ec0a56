import type { Clock } from '../ports/clock.ts'
import { IyiError } from '../ports/errors.ts'
import type { Metrics } from '../ports/metrics.ts'
import { within } from './deadline.ts'
import { KernelError, type LifeCode } from './errors.ts'
import { messageOf } from './parse-configs.ts'

/** How long one plugin may take, in milliseconds. */
export interface Deadlines {
  /** To import its code and build it. */
  readonly setupMs: number
  readonly startMs: number
  /** After this its `stop` is told to hurry by its signal; it is given up after `stopGraceMs` more. */
  readonly stopMs: number
  readonly stopGraceMs: number
}

export const defaultDeadlines: Deadlines = {
  setupMs: 15_000,
  startMs: 60_000,
  stopMs: 10_000,
  stopGraceMs: 1_000,
}

const codes = {
  setup: 'KERNEL_SETUP_FAILED',
  start: 'KERNEL_START_FAILED',
  stop: 'KERNEL_STOP_FAILED',
} as const satisfies Record<string, LifeCode>
export type PhaseName = keyof typeof codes

/** Runs one phase of one plugin. `deadline` aborts when its time is up. */
export type PhaseRunner = <T>(
  phase: PhaseName,
  plugin: string,
  work: (deadline: AbortSignal) => Promise<T>,
) => Promise<T>

/**
 * Makes the runner that gives every phase of every plugin a deadline and names the plugin in its failure: the phase's
 * code (`KERNEL_START_FAILED`, ...; `retry` as its cause has it), or `KERNEL_DEADLINE`.
 */
export function phaseRunner(
  deadlines: Deadlines,
  modules: { readonly clock: Clock; readonly metrics: Metrics },
): PhaseRunner {
  const duration = modules.metrics.histogram({
    name: 'iyi_kernel_plugin_phase_duration_seconds',
    help: 'Time that a plugin took to set up, start or stop',
    labels: ['plugin', 'phase'],
    buckets: [0.01, 0.1, 0.5, 1, 5, 10, 30, 60],
  })
  return async (phase, plugin, work) => {
    const ms = deadlines[`${phase}Ms`]
    const begun = modules.clock.monotonic()
    const late = new KernelError(
      'KERNEL_DEADLINE',
      `plugin "${plugin}" did not ${phase === 'setup' ? 'set up' : phase} within ${ms} ms: see its log, or remove it from plugins`,
      { data: { plugin, phase, ms } },
    )
    const hurry = new AbortController()
    const timer = modules.clock.setTimer(ms, () => hurry.abort(late))
    try {
      const result = await within(() => work(hurry.signal), {
        ms: phase === 'stop' ? ms + deadlines.stopGraceMs : ms,
        clock: modules.clock,
        onLate: () => late,
      })
      // A synchronous setup blocks the timers above, so its time is taken afterwards as well.
      if (phase === 'setup' && modules.clock.monotonic() - begun > ms) throw late
      return result
    } catch (cause) {
      if (cause === late || cause instanceof KernelError) throw cause
      throw new KernelError(
        codes[phase],
        `plugin "${plugin}" did not ${phase === 'setup' ? 'set up' : phase}: ${messageOf(cause)}`,
        { data: { plugin, phase }, retry: cause instanceof IyiError && cause.retry, cause },
      )
    } finally {
      timer.cancel()
      duration.observe((modules.clock.monotonic() - begun) / 1_000, { plugin, phase })
    }
  }
}
