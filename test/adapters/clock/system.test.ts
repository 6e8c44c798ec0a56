import { afterEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../../node/adapters/clock/system.ts'

describe('systemClock', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  it('fires a timer longer than 2^31 ms at its time, not at once', () => {
    vi.useFakeTimers()
    const fire = vi.fn()
    systemClock.setTimer(2 ** 31 + 1000, fire)
    vi.advanceTimersByTime(2 ** 31)
    expect(fire).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1000)
    expect(fire).toHaveBeenCalledOnce()
  })

  it('cancels a timer, and cancelling again is a no-op', () => {
    vi.useFakeTimers()
    const fire = vi.fn()
    const timer = systemClock.setTimer(10, fire)
    timer.cancel()
    timer.cancel()
    vi.advanceTimersByTime(20)
    expect(fire).not.toHaveBeenCalled()
  })

  it('reads monotonic time that never goes back', () => {
    const first = systemClock.monotonic()
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(first)
  })
})
