import type { Clock, Timer } from '../../ports/clock.ts'
import type { InferenceBackend } from '../../ports/inference-backend.ts'
import { BackendError } from '../../ports/inference-error.ts'
import type { Logger } from '../../ports/log.ts'
import { isLoopback } from '../../ports/loopback.ts'
import { type Ask, HttpClient, type Reply } from './http-client.ts'
import { METADATA_BYTES, modelPorts } from './metadata.ts'
import { refusalOf } from './refusals.ts'
import { modelPath, type RemoteName, remoteModel } from './remote-model.ts'
import { serverUrl } from './server-url.ts'

export interface KserveOptions {
  /** `http` or `https`, with the path above `v2/`, if any. */
  readonly url: string
  /** By the id that the manifest has. */
  readonly models: Readonly<Record<string, RemoteName>>
  /** For each request, from its start to the last byte of the answer. */
  readonly timeoutMs: number
  /** Runs at once. */
  readonly lanes: number
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string
  /** Most bytes of an answer whose size the model's metadata leaves open. Default: 64 MiB. */
  readonly maxAnswerBytes?: number
}

/** A server that is away is asked so often whether it is back. */
const PROBE_MS = 5_000

/**
 * Models of an inference server that speaks the KServe v2 protocol over HTTP, as Triton and its like do. The server's
 * model is not the bytes that `open` is given: only the goldens tell whether it computes the same. Throws `KserveError`.
 */
export function kserveBackend(
  options: KserveOptions,
  modules: { log: Logger; clock: Clock },
): InferenceBackend {
  const { log, clock } = modules
  const { models, token, lanes, timeoutMs, maxAnswerBytes = 64 * 1024 * 1024 } = options
  const url = serverUrl(options.url, token)
  const client = new HttpClient({ url, timeoutMs, lanes, token }, { clock })
  let state: 'new' | 'running' | 'stopped' = 'new'
  let away: string | null = null
  let probe: Timer | undefined

  /** What is known of the server after an answer (null) or none. */
  function heard(failure: string | null): void {
    if (state === 'stopped') return
    if (failure !== null && away === null)
      log.warn(
        { server: url.host, reason: failure },
        'Miss the inference server; it is asked again until it is back',
      )
    if (failure === null && away !== null) log.info({ server: url.host }, 'Find the inference server again')
    away = failure
    probe?.cancel()
    probe = away === null ? undefined : clock.setTimer(PROBE_MS, () => void askReady())
  }

  async function ask(model: string, question: Ask): Promise<Reply> {
    try {
      const reply = await client.ask(model, question)
      if (reply.status !== 200) throw refusalOf(model, reply, question.fault, token)
      heard(null)
      return reply
    } catch (error) {
      if (error instanceof BackendError && error.code !== 'BACKEND_CANCELLED')
        heard(error.code === 'BACKEND_LOST' ? error.message : null)
      throw error
    }
  }

  /** Never rejects: `heard` has it. */
  async function askReady(): Promise<void> {
    const question = {
      method: 'GET',
      path: 'v2/health/ready',
      limit: METADATA_BYTES,
      fault: 'BACKEND_LOST',
    } as const
    await ask('', question).catch(() => {})
  }

  return {
    lanes,
    takes: (id) => Object.hasOwn(models, id),
    providers: ['kserve'],
    async start() {
      state = 'running'
      if (url.protocol === 'http:' && !isLoopback(url.hostname))
        log.warn(
          { server: url.host },
          'Send inputs, answers and the token to the inference server unencrypted; choose an https URL unless the network is your own',
        )
      await askReady()
    },
    async open({ id }, provider) {
      const remote = Object.hasOwn(models, id) ? models[id] : undefined
      if (provider !== 'kserve' || remote === undefined)
        throw new BackendError(
          'BACKEND_BAD_MODEL',
          id,
          `the inference server has no model for ${id}: name one under models`,
        )
      const reply = await ask(id, {
        method: 'GET',
        path: modelPath(remote),
        limit: METADATA_BYTES,
        fault: 'BACKEND_BAD_MODEL',
      })
      return remoteModel(id, remote, modelPorts(id, remote.name, reply.body), { maxAnswerBytes }, { ask })
    },
    async stop() {
      state = 'stopped'
      probe?.cancel()
      client.close()
    },
    health() {
      if (state !== 'running')
        return { status: 'failed', reason: 'the inference server is not asked: start it' }
      return away === null ? { status: 'ok' } : { status: 'failed', reason: away }
    },
  }
}
