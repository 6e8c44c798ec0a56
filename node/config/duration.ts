import { z } from 'zod'

const SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const

/** `30s`, `5m`, `4h`, `7d`: whole seconds. */
export const duration = () =>
  z.string().regex(/^[1-9][0-9]{0,6}[smhd]$/, 'expected a time such as 30s, 5m, 4h or 7d')

/** Seconds of a `duration`. */
export function secondsOf(text: string): number {
  return Number(text.slice(0, -1)) * SECONDS[text.slice(-1) as keyof typeof SECONDS]
}
