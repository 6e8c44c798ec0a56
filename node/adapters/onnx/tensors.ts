import type { Tensor } from '../../ports/inference.ts'
import { InferenceError } from './inference-error.ts'
import type { ManifestModel } from './manifest.ts'

/** 4 MiB of float32 in one tensor: what the event loop can spare the time for. */
const maxElements = 2 ** 20

/** Checks inputs against the manifest: names, type, shape, element count, finite values. Throws `INFERENCE_BAD_INPUT`. */
export function checkInputs(model: ManifestModel, inputs: Readonly<Record<string, Tensor>>): void {
  const bad = (why: string) =>
    new InferenceError('INFERENCE_BAD_INPUT', model.id, `Model ${model.id} can not take this input: ${why}.`)
  const names = Object.keys(inputs)
  const unknown = names.find((name) => !model.inputs.some((input) => input.name === name))
  if (unknown !== undefined) throw bad(`it has no input ${JSON.stringify(unknown)}`)
  for (const { name, shape } of model.inputs) {
    const tensor = Object.hasOwn(inputs, name) ? inputs[name] : undefined
    if (tensor === undefined) throw bad(`${name} is missing`)
    if (tensor.type !== 'float32' || !(tensor.data instanceof Float32Array))
      throw bad(`${name} is not float32`)
    const fault = shapeFault(tensor, shape)
    if (fault !== null) throw bad(`${name} ${fault}`)
    const at = firstNotFinite(tensor.data)
    if (at >= 0) throw bad(`${name}[${at}] is ${tensor.data[at]}`)
  }
}

/** Checks what the runtime answered. Throws `INFERENCE_NOT_FINITE`, or `INFERENCE_FAILED` when it is not what the manifest says. */
export function checkOutputs(model: ManifestModel, outputs: Readonly<Record<string, Tensor>>): void {
  for (const { name, shape } of model.outputs) {
    const tensor = outputs[name]
    const fault = tensor === undefined ? 'is missing' : shapeFault(tensor, shape)
    if (tensor === undefined || fault !== null)
      throw new InferenceError(
        'INFERENCE_FAILED',
        model.id,
        `Output ${name} of model ${model.id} ${fault}, against its manifest. Check the model.`,
      )
    const at = firstNotFinite(tensor.data)
    if (at >= 0)
      throw new InferenceError(
        'INFERENCE_NOT_FINITE',
        model.id,
        `Model ${model.id} answered ${name}[${at}] = ${tensor.data[at]}. The input lies outside what it can judge.`,
      )
  }
}

/** A loop: `findIndex` with a callback took as long as a tenth of the model. */
function firstNotFinite(data: Float32Array): number {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return i
  return -1
}

function shapeFault(tensor: Tensor, expected: readonly (number | null)[]): string | null {
  const { shape, data } = tensor
  const fits =
    shape.length === expected.length &&
    shape.every(
      (size, i) => Number.isSafeInteger(size) && size >= 1 && (expected[i] === null || size === expected[i]),
    )
  if (!fits)
    return `has the shape [${shape.join(', ')}] instead of [${expected.map((size) => size ?? 'any').join(', ')}]`
  const count = shape.reduce((product, size) => product * size, 1)
  if (count > maxElements) return `has ${count} values; at most ${maxElements} are taken`
  return count === data.length ? null : `has ${data.length} values, its shape says ${count}`
}
