import { createHash } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { PackOptions } from '../../cli/model-deps.ts'
import { goldensSchema, goldenTensor } from '../../inference/goldens.ts'
import { type ManifestModel, parseManifest } from '../../inference/manifest.ts'
import { type OnnxFile, readOnnx } from '../../inference/onnx-file.ts'
import { quantizeTensor } from '../../inference/quantize.ts'
import { checkFinite } from '../../inference/tensors.ts'
import { type Tensors, type TensorType, tensorTypes } from '../../ports/tensor.ts'
import { ModelError } from './errors.ts'
import { measureGap } from './measure-gap.ts'
import { packReference } from './pack-reference.ts'
import { type GoldenInputs, INPUT_DECIMALS, randomInputs } from './random-inputs.ts'
import { ENTRY_FILE } from './stage.ts'
import { cpuBackend, quiet, verifyFolder } from './verify.ts'

/** What other machines may differ by beside what was seen on this one. */
const FLOATS_PPM = 100
const FLOATS_LEAST = 20n
const FLOATS_TIMES = 10n

/**
 * Writes a new folder of a model: the ONNX file, goldens that the runtime computes here on the CPU with one thread, and the
 * entry. It is verified as a node would; what fails leaves no folder. Rejects with `ModelError`, `OnnxFileError`.
 */
export async function packModel(request: PackOptions) {
  const { file, id, version, out } = request
  const bytes = await readFile(file).catch((cause: Error) => {
    throw bad(`${file} can not be read (${cause.message})`, cause)
  })
  const onnx = readOnnx(bytes)
  const [elsewhere] = onnx.externalData
  if (elsewhere !== undefined)
    throw bad(
      `it keeps weights in other files (${elsewhere}), which no digest would bind; export it as one file`,
    )
  const output = outputOf(onnx, request)
  const cases = await casesOf(onnx, request)
  const tensors = cases.map((each) => tensorsOf(onnx, each))
  const answers = await answersOf(request, bytes, tensors, output.name)
  const isFloat = output.type.startsWith('float')
  const widest = await measureGap({ ...request, output }, bytes, tensors)
  const least = widest * FLOATS_TIMES > FLOATS_LEAST ? widest * FLOATS_TIMES : FLOATS_LEAST
  const tolerance = isFloat
    ? { absolute: String(least), relativePpm: FLOATS_PPM }
    : { absolute: '0', relativePpm: 0 }
  const goldens = JSON.stringify({
    ...{ model: id, inputDecimals: INPUT_DECIMALS, outputDecimals: request.decimals },
    cases: cases.map((inputs, i) => ({
      ...{ name: `case-${i + 1}`, inputs },
      outputs: { [output.name]: (answers[i] ?? []).map(String) },
    })),
  })
  const pre = request.pre === null ? [] : await readJson(request.pre)
  const reference = await packReference(request, onnx, bytes)
  const entry = {
    ...{ id, version, file: basename(file), sha256: sha256(bytes), opset: onnx.opset },
    ...{ inputs: onnx.inputs, outputs: onnx.outputs, batched: request.batched, preprocessing: pre },
    quantization: { output: output.name, decimals: request.decimals },
    tolerance,
    goldens: { file: 'goldens.json', sha256: sha256(Buffer.from(goldens)) },
    ...(reference === null ? {} : { reference }),
  }
  const { digest } = entryOf(entry)
  await writeFolder(out, { [basename(file)]: bytes, 'goldens.json': goldens, [ENTRY_FILE]: json(entry) })
  return { folder: out, digest, tolerance, widestGap: String(widest) }
}

/** Writes the folder and verifies it; what is wrong with it takes it away again. */
async function writeFolder(out: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  await mkdir(out).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'EEXIST' ? 'is there already; name another with --out' : `: ${cause.message}`
    throw bad(`the folder ${out} ${why}`, cause)
  })
  try {
    for (const [name, content] of Object.entries(files)) await writeFile(join(out, name), content)
    await verifyFolder(out)
  } catch (error) {
    await rm(out, { recursive: true, force: true })
    throw error
  }
}

function entryOf(entry: unknown): ManifestModel {
  try {
    return parseManifest(JSON.stringify({ models: [entry] }))[0] as ManifestModel
  } catch (cause) {
    throw bad(cause instanceof Error ? cause.message : String(cause), cause)
  }
}

function outputOf({ outputs, inputs }: OnnxFile, { output, batched }: PackOptions) {
  const found = outputs.find(({ name }) => (output === null ? outputs.length === 1 : name === output))
  const names = outputs.map(({ name }) => name).join(', ')
  if (found === undefined) throw bad(`say with --output on which of its outputs nodes shall agree: ${names}`)
  const unknown = [...inputs, ...outputs].find(({ type }) => !Object.hasOwn(tensorTypes, type))
  if (unknown !== undefined) throw bad(`${unknown.name} is ${unknown.type}, which a node does not know`)
  if (batched && [...inputs, ...outputs].some(({ shape }) => shape[0] !== null))
    throw bad('--batched needs a dynamic first size of every input and output; export it with one')
  return found
}

async function casesOf(onnx: OnnxFile, request: PackOptions): Promise<readonly GoldenInputs[]> {
  if (request.inputs === null) return randomInputs(onnx.inputs, request.goldens)
  const given = goldensSchema.shape.cases.element.shape.inputs
    .array()
    .min(1)
    .safeParse(await readJson(request.inputs))
  if (given.success) return given.data
  throw bad(
    `${request.inputs} is no list of inputs such as [{"x": {"shape": [1, 2], "values": [1500000, 0]}}], numbers being integers of ${INPUT_DECIMALS} decimals`,
  )
}

function tensorsOf({ inputs }: OnnxFile, given: GoldenInputs): Tensors {
  try {
    return Object.fromEntries(
      inputs.map(({ name, type }) => {
        const input = given[name]
        if (input === undefined) throw bad(`the inputs have no ${name}`)
        return [name, goldenTensor(type as TensorType, input.shape, input.values, INPUT_DECIMALS)]
      }),
    )
  } catch (cause) {
    if (cause instanceof ModelError) throw cause
    throw bad(cause instanceof Error ? cause.message : String(cause), cause)
  }
}

async function answersOf(
  { id, version, decimals }: PackOptions,
  bytes: Uint8Array,
  cases: readonly Tensors[],
  output: string,
): Promise<readonly (readonly bigint[])[]> {
  const backend = cpuBackend(1, quiet())
  await backend.start()
  try {
    const model = await backend.open({ id, version, digest: '0x', bytes }, 'cpu')
    const answers: bigint[][] = []
    for (const inputs of cases) {
      const outputs = await model.run(inputs)
      checkFinite(id, outputs)
      const answer = outputs[output]
      answers.push(answer === undefined ? [] : quantizeTensor(answer, decimals))
    }
    return answers
  } catch (cause) {
    throw bad(
      `the runtime can not run it (${cause instanceof Error ? cause.message : String(cause)}); give inputs that it takes with --inputs`,
      cause,
    )
  } finally {
    await backend.stop()
  }
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    throw bad(
      `${path} can not be read as JSON (${cause instanceof Error ? cause.message : String(cause)})`,
      cause,
    )
  }
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const bad = (why: string, cause?: unknown) =>
  new ModelError('MODEL_BAD_FILE', `The model can not be packed: ${why}.`, cause)
