import { BackendError, type BackendErrorCode } from '../../ports/inference-error.ts'
import type { Reply } from './http-client.ts'

/** Longest part of a server's own error text that is passed on. */
const LONGEST = 200

/** Answers that say nothing of the question: a proxy's, or of a server that is busy or not ready. */
const elsewhere: readonly number[] = [408, 429, 502, 503, 504]

/**
 * The error of an answer other than 200: `fault`, or `BACKEND_LOST` where another try may help. The server's text is
 * shortened, on one line, and without the token, which a server could send back.
 */
export function refusalOf(
  model: string,
  { status, body }: Reply,
  fault: BackendErrorCode,
  token: string | undefined,
): BackendError {
  const code = elsewhere.includes(status) ? 'BACKEND_LOST' : fault
  return new BackendError(
    code,
    model,
    `the inference server answered ${status}${hint(status)}${said(body, token)}`,
  )
}

function hint(status: number): string {
  if (status >= 300 && status < 400) return ': a redirect, which is not followed; configure the final URL'
  if (status === 401 || status === 403) return ': the token is missing or wrong'
  return ''
}

function said(body: Buffer, token: string | undefined): string {
  let error: unknown
  try {
    ;({ error } = JSON.parse(body.toString('utf8')) as { error?: unknown })
  } catch {
    return ''
  }
  if (typeof error !== 'string' || error === '') return ''
  const safe = token === undefined ? error : error.replaceAll(token, '***')
  // Control characters, line ends and what turns the direction of text: a log line stays one line.
  const line = safe.replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ').trim()
  return `; it says: ${line.length > LONGEST ? `${line.slice(0, LONGEST)}...` : line}`
}
