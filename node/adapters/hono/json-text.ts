import { GatewayError } from './gateway-error.ts'

/**
 * JSON of a checked response. Bigints become decimal strings. Numbers that JSON can't carry faithfully (not finite, or
 * integers beyond 2^53 - 1) are refused with `GATEWAY_BAD_RESPONSE` instead of being changed silently.
 */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, replace) ?? 'null'
}

function replace(key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'number') return value
  if (Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))) return value
  throw new GatewayError(
    'GATEWAY_BAD_RESPONSE',
    `The answer holds the number ${value} at "${key}", which JSON clients would read wrongly. Answer with a decimal string.`,
    { data: { key } },
  )
}
