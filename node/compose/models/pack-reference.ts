import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { PackOptions } from '../../cli/model-deps.ts'
import { quantileBins } from '../../inference/drift/quantile-bins.ts'
import { type Distribution, LEAST_VALUES, type Reference } from '../../inference/drift/reference.ts'
import { goldensSchema, goldenTensor } from '../../inference/goldens.ts'
import type { OnnxFile } from '../../inference/onnx-file.ts'
import { checkFinite } from '../../inference/tensors.ts'
import type { Tensor, TensorType } from '../../ports/tensor.ts'
import { ModelError } from './errors.ts'
import { INPUT_DECIMALS } from './random-inputs.ts'
import { cpuBackend, quiet } from './verify.ts'

/** Of wider rows all values are one distribution. */
const MOST_COLUMNS = 64
/** Values of a column that are kept: more would not move an edge. */
const MOST_VALUES = 4_000_000

const lineSchema = goldensSchema.shape.cases.element.shape.inputs

/**
 * The reference of a sample: what its inputs are like, and what the model answers to them. Null where no sample was given.
 * Rejects with `ModelError`.
 */
export async function packReference(
  { reference, id, version }: Pick<PackOptions, 'reference' | 'id' | 'version'>,
  onnx: OnnxFile,
  bytes: Uint8Array,
): Promise<Reference | null> {
  if (reference === null) return null
  const inputs = columnsOf(onnx.inputs)
  const outputs = columnsOf(onnx.outputs)
  const backend = cpuBackend(1, quiet())
  await backend.start()
  let line = 0
  try {
    const model = await backend.open({ id, version, digest: '0x', bytes }, 'cpu')
    for await (const text of createInterface({ input: createReadStream(reference), crlfDelay: Infinity })) {
      line++
      if (text.trim() === '') continue
      const tensors = tensorsOf(onnx, text)
      const answers = await model.run(tensors)
      checkFinite(id, answers)
      for (const column of [...inputs, ...outputs]) column.take({ ...tensors, ...answers }[column.tensor])
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw bad(
      line === 0 ? `${reference} can not be read (${why})` : `line ${line} of ${reference}: ${why}`,
      cause,
    )
  } finally {
    await backend.stop()
  }
  const made = {
    inputs: inputs.map((each) => each.distribution()),
    outputs: outputs.map((each) => each.distribution()),
  }
  if ([...made.inputs, ...made.outputs].some(({ columns }) => columns.length === 0))
    throw bad(`${reference} has no input in it`)
  const few = [...inputs, ...outputs].find((each) => each.least() < LEAST_VALUES)
  if (few !== undefined)
    throw bad(
      `${reference} has ${few.least()} values of ${few.tensor}, and fewer than ${LEAST_VALUES} say nothing of what comes later`,
    )
  return made
}

/** What is collected of each tensor of numbers. */
function columnsOf(ports: OnnxFile['inputs']) {
  return ports
    .filter(({ type }) => type !== 'string')
    .map(({ name, shape }) => {
      const last = shape.at(-1)
      const width = typeof last === 'number' && last <= MOST_COLUMNS ? last : 1
      const values = Array.from({ length: width }, (): number[] => [])
      return {
        tensor: name,
        take(tensor: Tensor | undefined): void {
          if (tensor === undefined || tensor.type === 'string') return
          const data: ArrayLike<number | bigint> =
            tensor.type === 'float16'
              ? new Float16Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.length)
              : tensor.data
          for (let i = 0; i < data.length; i++) {
            const column = values[i % width]
            if (column !== undefined && column.length < MOST_VALUES) column.push(Number(data[i]))
          }
        },
        /** How many values the column has that has fewest. */
        least: () => Math.min(...values.map(({ length }) => length)),
        distribution: (): Distribution => ({
          tensor: name,
          columns: values
            .filter((column) => column.length > 0)
            .map((column, i) => {
              const { edges, counts } = quantileBins(Float64Array.from(column))
              return { name: width === 1 ? name : `${name}.${i}`, edges: [...edges], counts: [...counts] }
            }),
        }),
      }
    })
}

function tensorsOf({ inputs }: OnnxFile, text: string): Record<string, Tensor> {
  const given = lineSchema.safeParse(JSON.parse(text))
  if (!given.success)
    throw new TypeError(
      `it is no input such as {"x": {"shape": [1, 2], "values": [1500000, 0]}}, numbers being integers of ${INPUT_DECIMALS} decimals`,
    )
  return Object.fromEntries(
    inputs.map(({ name, type }) => {
      const input = given.data[name]
      if (input === undefined) throw new TypeError(`it has no ${name}`)
      return [name, goldenTensor(type as TensorType, input.shape, input.values, INPUT_DECIMALS)]
    }),
  )
}

const bad = (why: string, cause?: unknown) =>
  new ModelError(
    'MODEL_BAD_FILE',
    `The reference can not be made: ${why}. Give a sample with an input a line.`,
    cause,
  )
