import type { Clock, Timer } from '../../ports/clock.ts'

/** Node stores a timer's delay in a signed 32-bit integer and fires at once when it is larger. */
const LONGEST_DELAY_MS = 0x7fff_ffff

function setTimer(delayMs: number, fire: () => void): Timer {
  let left = Math.max(0, delayMs)
  let handle: NodeJS.Timeout
  const arm = (): void => {
    const step = Math.min(left, LONGEST_DELAY_MS)
    left -= step
    handle = setTimeout(() => (left > 0 ? arm() : fire()), step)
  }
  arm()
  return { cancel: () => clearTimeout(handle) }
}

/** The clock of the machine: `Date.now`, the monotonic clock of the process, and timers of any length. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer,
}
