import type { OpenModel } from '../../ports/inference-backend.ts'
import { BackendError } from '../../ports/inference-error.ts'
import type { Ask, Reply } from './http-client.ts'
import { answerLimit, BadAnswer, inferAnswer } from './infer-answer.ts'
import { inferRequest } from './infer-request.ts'
import type { ModelPorts } from './metadata.ts'

/** A model as the server has it. */
export interface RemoteName {
  readonly name: string
  /** The server chooses one when it is absent, and may choose another one later. */
  readonly version?: string | undefined
}

/** `v2/models/{name}`, or that of one version. */
export const modelPath = ({ name, version }: RemoteName): string =>
  `v2/models/${encodeURIComponent(name)}${version === undefined ? '' : `/versions/${encodeURIComponent(version)}`}`

/** `ask` resolves with good answers alone, and rejects with `BackendError`. */
export function remoteModel(
  model: string,
  remote: RemoteName,
  ports: ModelPorts,
  options: { readonly maxAnswerBytes: number },
  { ask }: { ask(model: string, ask: Ask): Promise<Reply> },
): OpenModel {
  const path = `${modelPath(remote)}/infer`
  const limit = answerLimit(ports.outputs, options.maxAnswerBytes)
  const closing = new AbortController()
  let runs = 0

  async function run(...[inputs, signal]: Parameters<OpenModel['run']>): ReturnType<OpenModel['run']> {
    const id = String(++runs)
    const request = inferRequest(id, inputs)
    const reply = await ask(model, {
      method: 'POST',
      path,
      ...request,
      limit,
      fault: 'BACKEND_RUN_FAILED',
      signal: signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]),
    }).catch((error: unknown) => {
      throw closing.signal.aborted && signal?.aborted !== true ? closed(model) : error
    })
    const header = reply.headers['inference-header-content-length']
    const expected = { id, name: remote.name, version: remote.version, outputs: ports.outputs }
    try {
      return inferAnswer(reply.body, Array.isArray(header) ? header.join() : header, expected)
    } catch (error) {
      if (!(error instanceof BadAnswer)) throw error
      throw new BackendError(
        'BACKEND_RUN_FAILED',
        model,
        `the inference server's answer can't be used: ${error.message}`,
      )
    }
  }

  return {
    provider: 'kserve',
    ...ports,
    run,
    close: async () => closing.abort(),
  }
}

const closed = (model: string): BackendError =>
  new BackendError('BACKEND_LOST', model, 'the model was closed')
