import { IyiError } from '../../../node/ports/errors.ts'
import type { Inference } from '../../../node/ports/inference.ts'
import type { Logger } from '../../../node/ports/log.ts'
import { decodeInput } from './decode-input.ts'
import type { InferenceRequestRow } from './pending.ts'
import type { RequestInputs } from './request-inputs.ts'
import type { Abstention, RequestResult } from './request-types.ts'

/** What a faulty input makes of the model, alike on every validator. Everything else is this node's own trouble. */
const faults: Readonly<Record<string, Abstention>> = {
  ORACLE_BAD_INPUT: 'bad-input',
  INFERENCE_BAD_INPUT: 'bad-input',
  INFERENCE_NOT_FINITE: 'not-finite',
}

/** This node's result for a request; in the reference profile for a dispute over it. Never rejects: what goes wrong is the reason to abstain. */
export async function answerRequest(
  row: InferenceRequestRow,
  modules: {
    inference: Inference
    inputs: RequestInputs
    log: Logger
    signal: AbortSignal
    reference?: boolean
  },
): Promise<RequestResult> {
  const { inference, log, signal, reference = false } = modules
  try {
    const model = inference.models().find(({ digest }) => digest === row.modelDigest)
    if (model === undefined || (!model.status.ok && !reference))
      return { kind: 'abstained', reason: 'unavailable' }
    const inputs = decodeInput(model, await modules.inputs.of(row, signal))
    modules.inputs.answered(row)
    const { quantized, provider } = await inference.run({
      ...{
        model: model.digest,
        inputs,
        raw: true,
        priority: 'request',
        signal,
        reference,
      },
    })
    // What the contract could not take is no answer to this input, whoever runs it.
    if (!isReportable(quantized)) return { kind: 'abstained', reason: 'bad-input' }
    return { kind: 'values', values: quantized, provider: provider.slice(0, MAX_PROVIDER) }
  } catch (error) {
    const reason = error instanceof IyiError ? faults[error.code] : undefined
    if (reason === undefined)
      log.warn(
        { requestId: row.requestId.toString(), model: row.modelDigest, err: error },
        'Abstain from a request',
      )
    return { kind: 'abstained', reason: reason ?? 'unavailable' }
  }
}

/** Values of one answer that the contract takes. */
export const MAX_VALUES = 256
const INT256_LIMIT = 2n ** 255n

/** Whether a report can hold these values: 1 to 256, each an int256. */
export function isReportable(values: readonly bigint[]): boolean {
  return (
    values.length > 0 &&
    values.length <= MAX_VALUES &&
    values.every((value) => value < INT256_LIMIT && value >= -INT256_LIMIT)
  )
}

/** UTF-16 code units of a provider's name in an observation. */
export const MAX_PROVIDER = 64
