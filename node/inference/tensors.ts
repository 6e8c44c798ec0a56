import { InferenceError } from '../ports/inference-error.ts'
import { elementsOf, type Tensor, type TensorPort, type Tensors, tensorTypes } from '../ports/tensor.ts'
import type { ManifestModel } from './manifest.ts'
import { halfFloats } from './quantize.ts'

/** In one tensor: 64 MiB of float32. */
const maxElements = 2 ** 24
/** Of one string of a tensor, in UTF-16 code units. */
const maxStringLength = 2 ** 20

/** Checks inputs against the manifest: names, type, shape, element count, finite values. Throws `INFERENCE_BAD_INPUT`. */
export function checkInputs(model: ManifestModel, inputs: Tensors): void {
  checkTensors(model.inputs, inputs, (why) => badInput(model.id, why))
}

/** The error of an input that a model can't take. */
export function badInput(model: string, why: string): InferenceError {
  return new InferenceError('INFERENCE_BAD_INPUT', model, `Model ${model} can not take this input: ${why}.`)
}

/** Checks `inputs` against `ports`; throws what `bad` makes of the first fault. */
export function checkTensors(
  ports: readonly TensorPort[],
  inputs: Tensors,
  bad: (why: string) => InferenceError,
): void {
  const names = Object.keys(inputs)
  const unknown = names.find((name) => !ports.some((port) => port.name === name))
  if (unknown !== undefined) throw bad(`it has no input ${JSON.stringify(unknown).slice(0, 100)}`)
  for (const { name, type, shape } of ports) {
    const tensor = Object.hasOwn(inputs, name) ? inputs[name] : undefined
    if (tensor === undefined) throw bad(`${name} is missing`)
    if (tensor.type !== type || !(tensor.data instanceof tensorTypes[type].array))
      throw bad(`${name} is not ${type}`)
    const fault = shapeFault(tensor, shape)
    if (fault !== null) throw bad(`${name} ${fault}`)
    const wrong = contentFault(tensor)
    if (wrong !== null) throw bad(`${name}${wrong}`)
  }
}

/** Checks what the runtime answered. Throws `INFERENCE_NOT_FINITE`, or `INFERENCE_FAILED` when it is not what the manifest says. */
export function checkOutputs(model: ManifestModel, outputs: Tensors): void {
  for (const { name, type, shape } of model.outputs) {
    const tensor = outputs[name]
    const fault =
      tensor === undefined
        ? 'is missing'
        : tensor.type === type
          ? shapeFault(tensor, shape)
          : `is ${tensor.type} instead of ${type}`
    if (tensor === undefined || fault !== null)
      throw new InferenceError(
        'INFERENCE_FAILED',
        model.id,
        `Output ${name} of model ${model.id} ${fault}, against its manifest. Check the model.`,
      )
  }
  checkFinite(model.id, outputs)
}

/** Throws `INFERENCE_NOT_FINITE`. */
export function checkFinite(model: string, outputs: Tensors): void {
  for (const [name, tensor] of Object.entries(outputs)) {
    const at = firstNotFinite(tensor)
    if (at < 0) continue
    const value = tensor.type === 'float16' ? halfFloats(tensor.data)[at] : tensor.data[at]
    throw new InferenceError(
      'INFERENCE_NOT_FINITE',
      model,
      `Model ${model} answered ${name}[${at}] = ${value}. The input lies outside what it can judge.`,
    )
  }
}

/** What is wrong with the elements, to be put behind the tensor's name. */
function contentFault(tensor: Tensor): string | null {
  if (tensor.type === 'string') {
    const at = tensor.data.findIndex((text) => typeof text !== 'string' || text.length > maxStringLength)
    return at < 0 ? null : `[${at}] is no text of at most ${maxStringLength} characters`
  }
  if (tensor.type === 'bool') {
    const at = tensor.data.findIndex((value) => value > 1)
    return at < 0 ? null : `[${at}] is neither 0 nor 1`
  }
  const at = firstNotFinite(tensor)
  return at < 0 ? null : `[${at}] is ${tensor.data[at]}`
}

/** A loop: `findIndex` with a callback took as long as a tenth of the model. */
function firstNotFinite(tensor: Tensor): number {
  if (tensor.type !== 'float32' && tensor.type !== 'float64' && tensor.type !== 'float16') return -1
  const data: ArrayLike<number> = tensor.type === 'float16' ? halfFloats(tensor.data) : tensor.data
  // Zero times anything finite is zero; the sum stays zero unless something is not finite.
  let sum = 0
  for (let i = 0; i < data.length; i++) sum += (data[i] as number) * 0
  if (sum === 0) return -1
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return i
  return -1
}

function shapeFault(tensor: Tensor, expected: readonly (number | null)[]): string | null {
  const { shape, data } = tensor
  const fits =
    Array.isArray(shape) &&
    shape.length === expected.length &&
    shape.every(
      (size, i) => Number.isSafeInteger(size) && size >= 1 && (expected[i] === null || size === expected[i]),
    )
  if (!fits)
    return `has the shape [${String(shape).slice(0, 100)}] instead of [${expected.map((size) => size ?? 'any').join(', ')}]`
  const count = elementsOf(shape)
  if (count > maxElements) return `has ${count} values; at most ${maxElements} are taken`
  return count === data.length ? null : `has ${data.length} values, its shape says ${count}`
}
