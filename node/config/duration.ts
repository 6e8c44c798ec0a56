import { z } from 'zod'

/** A year has 365 days. */
const SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400, y: 31_536_000 } as const
const pattern = /^[1-9][0-9]{0,5}[smhdy]$/

/** `30s`, `5m`, `4h`, `7d`, `1y`: whole seconds. */
export const duration = () => z.string().regex(pattern, 'expected a time such as 30s, 5m, 4h, 7d or 1y')

/** Seconds of a `duration`; NaN for what is none. */
export function secondsOf(text: string): number {
  return pattern.test(text)
    ? Number(text.slice(0, -1)) * SECONDS[text.slice(-1) as keyof typeof SECONDS]
    : Number.NaN
}
