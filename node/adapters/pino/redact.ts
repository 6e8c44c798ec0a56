/** What stands in the place of a secret. */
export const redacted = '[redacted]'

// Compared without case, dashes and underscores. `token` alone is no secret here: it is an ERC-20.
const secretKey =
  /(password|passwd|passphrase|privatekey|secret|mnemonic|seedphrase|authorization|apikey|credential|cookie)|^(seed|privkey|jwt|pgpass)$|(access|refresh|auth|bearer|id|session|api)token$|(signing|encryption|master)key$/

const userInfo = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi
const secretQuery = /([?&](?:[a-z_-]*(?:key|token|secret|password))=)[^&\s#"']+/gi
const bearer = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/g
const pem = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g

const maxDepth = 8
const maxItems = 100
const maxBytes = 64

/** Takes credentials of URLs, bearer tokens and PEM keys out of a text. */
export function redactText(text: string): string {
  if (text.length < 8) return text
  return text
    .replace(pem, redacted)
    .replace(userInfo, `$1${redacted}@`)
    .replace(secretQuery, `$1${redacted}`)
    .replace(bearer, `$1 ${redacted}`)
}

/**
 * A copy of log fields that can be written: secret-looking fields and credentials in texts are replaced at any depth,
 * bigints become decimal strings, bytes hex, errors plain objects; depth and length are bounded and cycles cut.
 */
export function redactFields(fields: object): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  copyEntries(fields, out, 0, new Set([fields]))
  return out
}

function copyEntries(from: object, out: Record<string, unknown>, depth: number, above: Set<object>): void {
  for (const [key, value] of Object.entries(from)) {
    const plain = key.replace(/[-_]/g, '').toLowerCase()
    out[key] = secretKey.test(plain) && hides(value) ? redacted : clean(value, depth + 1, above)
  }
}

/** Whether a value can hold a secret at all; flags such as `{ secretsFound: 2 }` stay readable. */
function hides(value: unknown): boolean {
  return value !== null && value !== undefined && typeof value !== 'boolean' && typeof value !== 'number'
}

function clean(value: unknown, depth: number, above: Set<object>): unknown {
  switch (typeof value) {
    case 'string':
      return redactText(value)
    case 'bigint':
      return value.toString()
    case 'number':
      return Number.isFinite(value) ? value : String(value)
    case 'object':
      break
    case 'function':
    case 'symbol':
      return undefined
    default:
      return value
  }
  if (value === null) return null
  if (above.has(value)) return '[circular]'
  if (depth > maxDepth) return '[deep]'
  above.add(value)
  const copy = copyObject(value, depth, above)
  above.delete(value)
  return copy
}

function copyObject(value: object, depth: number, above: Set<object>): unknown {
  if (value instanceof Error) return copyError(value, depth, above)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString()
  if (value instanceof URL) return redactText(value.href)
  if (ArrayBuffer.isView(value)) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, Math.min(value.byteLength, maxBytes))
    return `0x${bytes.toString('hex')}${value.byteLength > maxBytes ? `... (${value.byteLength} bytes)` : ''}`
  }
  if (Array.isArray(value)) {
    const items: unknown[] = value.slice(0, maxItems).map((item) => clean(item, depth + 1, above))
    return value.length > maxItems ? [...items, `... (${value.length} items)`] : items
  }
  if (value instanceof Map) return clean([...value.entries()], depth, above)
  if (value instanceof Set) return clean([...value], depth, above)
  const out: Record<string, unknown> = {}
  copyEntries(value, out, depth, above)
  return out
}

function copyError(error: Error, depth: number, above: Set<object>): unknown {
  const out: Record<string, unknown> = { name: error.name, message: redactText(error.message) }
  copyEntries(error, out, depth, above)
  if (error.stack !== undefined) out.stack = redactText(error.stack)
  if (error.cause !== undefined) out.cause = clean(error.cause, depth + 1, above)
  return out
}
