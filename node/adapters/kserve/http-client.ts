import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Clock } from '../../ports/clock.ts'
import { BackendError, type BackendErrorCode } from '../../ports/inference-error.ts'
import { readBody, TooLarge } from './read-body.ts'

export interface Ask {
  readonly method: 'GET' | 'POST'
  /** Below the server's URL; no leading slash. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly parts?: readonly Uint8Array[]
  /** Most bytes that the body of a good answer may have. */
  readonly limit: number
  /** The code of an answer that is none. */
  readonly fault: BackendErrorCode
  readonly signal?: AbortSignal | undefined
}

export interface Reply {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

/** What an answer other than 200 may have: an error text. */
const ERROR_BYTES = 64 * 1024

/** Keep-alive connections to one server. Every request ends by the time limit, whatever the server does. */
export class HttpClient {
  readonly #url: URL
  readonly #options: { readonly timeoutMs: number; readonly token: string | undefined }
  readonly #clock: Clock
  readonly #agent: HttpAgent
  readonly #open = new Set<() => void>()
  #closed = false

  constructor(
    options: { url: URL; timeoutMs: number; lanes: number; token: string | undefined },
    { clock }: { clock: Clock },
  ) {
    this.#url = options.url
    this.#options = options
    this.#clock = clock
    // One connection more than runs: readiness and metadata are asked for meanwhile.
    const settings = { keepAlive: true, maxSockets: options.lanes + 1, maxFreeSockets: options.lanes + 1 }
    this.#agent = options.url.protocol === 'https:' ? new HttpsAgent(settings) : new HttpAgent(settings)
  }

  /**
   * Rejects with `BackendError`: `BACKEND_CANCELLED` by the signal; `BACKEND_LOST` where no whole answer came in time;
   * `ask.fault` for a body that is too large or compressed. Redirects are not followed. An answer is asked for twice only where a
   * connection that was kept alive turned out to be closed: runs have no effects.
   */
  ask(model: string, ask: Ask): Promise<Reply> {
    const lost = (why: string, cause?: unknown) => new BackendError('BACKEND_LOST', model, why, cause)
    const { signal } = ask
    if (this.#closed) return Promise.reject(lost('the inference server is not asked any more'))
    if (signal?.aborted) return Promise.reject(cancelled(model))
    return new Promise((resolve, reject) => {
      let request: ClientRequest | undefined
      let settled = false
      const settle = (how: () => void): void => {
        if (settled) return
        settled = true
        timer.cancel()
        this.#open.delete(stop)
        signal?.removeEventListener('abort', cancel)
        how()
      }
      const fail = (error: BackendError): void =>
        settle(() => {
          request?.destroy()
          reject(error)
        })
      const cancel = (): void => fail(cancelled(model))
      const stop = (): void => fail(lost('the inference server is not asked any more'))
      const timer = this.#clock.setTimer(this.#options.timeoutMs, () =>
        fail(
          lost(
            `the inference server gave no answer within ${this.#options.timeoutMs} ms: raise timeoutMs, or give the server more to run on`,
          ),
        ),
      )
      signal?.addEventListener('abort', cancel, { once: true })
      this.#open.add(stop)

      const answered = (response: IncomingMessage): void => {
        const status = response.statusCode ?? 0
        readBody(response, status === 200 ? ask.limit : ERROR_BYTES).then(
          (body) => settle(() => resolve({ status, headers: response.headers, body })),
          (error: unknown) =>
            fail(
              error instanceof TooLarge
                ? new BackendError(ask.fault, model, `the inference server's answer ${error.message}`)
                : lost('the connection to the inference server broke in the middle of an answer', error),
            ),
        )
      }
      const send = (isLastTry: boolean): void => {
        const sent = this.#request(ask)
        request = sent
        let hasAnswer = false
        sent.on('response', (response) => {
          hasAnswer = true
          answered(response)
        })
        sent.on('error', (error: NodeJS.ErrnoException) => {
          // From the answer's head on the body's reader sees what goes wrong.
          if (hasAnswer || settled) return
          if (!isLastTry && sent.reusedSocket && ['ECONNRESET', 'EPIPE'].includes(error.code ?? ''))
            send(true)
          else
            fail(
              lost(
                `the inference server gave no answer (${error.code ?? 'error'}): is it running, and does the URL lead to it?`,
                error,
              ),
            )
        })
        for (const part of ask.parts ?? []) sent.write(part)
        sent.end()
      }
      send(false)
    })
  }

  /** Ends what is under way, and all connections. */
  close(): void {
    this.#closed = true
    for (const stop of [...this.#open]) stop()
    this.#agent.destroy()
  }

  #request({ method, path, headers, parts = [] }: Ask): ClientRequest {
    const { token } = this.#options
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    const send = this.#url.protocol === 'https:' ? httpsRequest : httpRequest
    return send(new URL(path, this.#url), {
      method,
      agent: this.#agent,
      headers: {
        accept: 'application/json, application/octet-stream',
        'accept-encoding': 'identity',
        ...headers,
        ...(method === 'POST' ? { 'content-length': String(length) } : {}),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
    })
  }
}

const cancelled = (model: string): BackendError =>
  new BackendError('BACKEND_CANCELLED', model, 'the run was given up')
