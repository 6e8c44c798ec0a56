const BASE_MS = 200
const CAP_MS = 5_000

/**
 * Delay before attempt `attempt` (from 0): exponential with full jitter (M. Brooker, "Exponential Backoff And Jitter",
 * AWS Architecture Blog, 2015). The cap is low because a quorum has few members and a missing one costs rounds.
 */
export function backoffMs(attempt: number, random: () => number): number {
  return random() * Math.min(CAP_MS, BASE_MS * 2 ** Math.min(attempt, 16))
}

const OFFENCE_BASE_MS = 10_000
const OFFENCE_CAP_MS = 300_000

/** How long a peer stays shut out after its `offence`-th violation (from 1). No jitter: it is a penalty. */
export function coolDownMs(offence: number): number {
  return Math.min(OFFENCE_CAP_MS, OFFENCE_BASE_MS * 2 ** Math.min(offence - 1, 16))
}
