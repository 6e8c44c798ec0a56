import type { Clock } from '../ports/clock.ts'

/**
 * The work's own outcome, or `onLate()` thrown once `ms` have passed. Work that comes late is not interrupted (nothing
 * in JavaScript can), but its outcome is dropped quietly.
 */
export async function within<T>(
  work: () => Promise<T>,
  options: { readonly ms: number; readonly clock: Clock; readonly onLate: () => Error },
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = options.clock.setTimer(options.ms, () => reject(options.onLate()))
  try {
    return await Promise.race([work(), late])
  } finally {
    timer.cancel()
  }
}
