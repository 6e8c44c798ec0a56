import { HttpRequestError, ResponseBodyTooLargeError } from 'viem'

/**
 * One failed attempt at one provider.
 * - `away`: no usable answer: network, timeout, HTTP 5xx, not JSON-RPC. Another provider may answer.
 * - `limited`: the provider asks for fewer requests.
 * - `lacking`: an answer that another provider may better: no such method, or no state of that block.
 * - `reverted`: the EVM reverted; every provider would say the same.
 * - `refused`: a JSON-RPC error that every provider would give.
 */
export type FailureKind = 'away' | 'limited' | 'lacking' | 'reverted' | 'refused'

export interface RpcFailure {
  readonly kind: FailureKind
  readonly reason: string
  readonly rpcCode?: number
  readonly data?: `0x${string}`
  /** From `Retry-After`. */
  readonly retryAfterMs?: number
}

/** Thrown inside this room only; callers of the room see a `ChainError`. */
export class RpcFailureError extends Error {
  readonly failure: RpcFailure
  constructor(failure: RpcFailure) {
    super(failure.reason)
    this.failure = failure
  }
}

/** Longest text of a provider that is kept. */
const REASON_LENGTH = 300

/** A provider's words without URLs (which may hold keys) and of bounded length. */
export function scrub(text: string): string {
  return text.replaceAll(/\b[a-z][a-z0-9+.-]*:\/\/\S+/gi, '<url>').slice(0, REASON_LENGTH)
}

/** What an exception of an attempt means. */
export function failureOf(error: unknown): RpcFailure {
  if (error instanceof RpcFailureError) return error.failure
  if (error instanceof ResponseBodyTooLargeError) return { kind: 'away', reason: 'Answer too large' }
  if (error instanceof HttpRequestError) {
    if (error.status === 429) return limited('HTTP 429', error.headers)
    if (error.status !== undefined) return { kind: 'away', reason: `HTTP ${error.status}` }
    return { kind: 'away', reason: `No answer (${causeOf(error)})` }
  }
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return { kind: 'away', reason: 'Timed out' }
  if (error instanceof Error && error.name === 'AbortError') return { kind: 'away', reason: 'Aborted' }
  return { kind: 'away', reason: `No answer (${causeOf(error)})` }
}

export function limited(reason: string, headers?: Headers): RpcFailure {
  const seconds = Number(headers?.get('retry-after') ?? Number.NaN)
  return { kind: 'limited', reason, ...(seconds >= 0 ? { retryAfterMs: seconds * 1000 } : {}) }
}

/** The innermost error's code or name: `ECONNREFUSED`, `SyntaxError`; texts could hold the URL. */
function causeOf(error: unknown): string {
  let inner: unknown = error
  for (let depth = 0; depth < 8 && inner instanceof Error && inner.cause instanceof Error; depth++)
    inner = inner.cause
  if (inner instanceof AggregateError && inner.errors[0] instanceof Error) inner = inner.errors[0]
  if (inner instanceof Error && 'code' in inner && typeof inner.code === 'string') return inner.code
  return inner instanceof Error ? inner.name : 'unknown'
}

const RATE_LIMIT = /rate.?limit|too many requests|request limit|compute units|throttl/i
const REVERTED = /\brevert(ed)?\b/i
const LACKING =
  /header not found|unknown block|missing trie node|block not found|pruned|not available|state .*(missing|not found)|out.?of.?range/i

/** What the `error` member of a JSON-RPC answer means (EIP-1474 and the habits of clients). */
export function rpcFailure(error: unknown, headers?: Headers): RpcFailure {
  if (typeof error !== 'object' || error === null) return { kind: 'away', reason: 'Answer is not JSON-RPC' }
  const { code, message, data } = error as { code?: unknown; message?: unknown; data?: unknown }
  const rpcCode = typeof code === 'number' ? code : 0
  const text = typeof message === 'string' ? message : ''
  const reason = scrub(text === '' ? `JSON-RPC error ${rpcCode}` : text)
  const revertData = hexIn(data)
  // A revert has code 3 in geth; others say it in words, some with the data one level deeper.
  if (rpcCode === 3 || (REVERTED.test(text) && !/transaction .*not found/i.test(text))) {
    return { kind: 'reverted', reason, rpcCode, data: revertData ?? '0x' }
  }
  if (rpcCode === 429 || RATE_LIMIT.test(text)) return { ...limited(reason, headers), rpcCode }
  if (rpcCode === -32601 || rpcCode === -32004 || LACKING.test(text))
    return { kind: 'lacking', reason, rpcCode }
  if (rpcCode === -32603 || rpcCode === 0) return { kind: 'away', reason, rpcCode }
  return { kind: 'refused', reason, rpcCode }
}

function hexIn(data: unknown): `0x${string}` | null {
  if (typeof data === 'string' && /^0x([0-9a-f]{2})*$/i.test(data)) return data as `0x${string}`
  if (typeof data === 'object' && data !== null && 'data' in data) return hexIn(data.data)
  return null
}
