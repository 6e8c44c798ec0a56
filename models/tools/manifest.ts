import { readFileSync, writeFileSync } from 'node:fs'
import { argv, exit, stderr, stdout } from 'node:process'
import { pathToFileURL } from 'node:url'
import { MODELS, type ModelDescription } from './description.ts'
import { computeGoldens, readGoldens, writeGoldens } from './goldens.ts'
import { ModelFileError } from './model-file-error.ts'
import { readReference } from './reference.ts'
import { shippedModels } from './registry.ts'
import { sha256Of } from './session.ts'
import { withinTolerance } from './tolerance.ts'

const manifestFile = new URL('manifest.json', MODELS)
const REFRESH = 'run: node models/tools/manifest.ts'

function entryOf(model: ModelDescription) {
  const { id, version, opset, input, output, batched, preprocessing, tolerance, features, request } = model
  const { decimals, ...port } = output
  const reference = readReference(model)
  return {
    id,
    version,
    file: `${id}/${id}.onnx`,
    sha256: sha256Of(model, `${id}.onnx`),
    opset,
    inputs: [input],
    outputs: [port],
    ...(batched ? { batched } : {}),
    ...(features === undefined ? {} : { features }),
    preprocessing,
    ...(request === undefined ? {} : { request }),
    quantization: { output: output.name, decimals },
    tolerance,
    goldens: { file: `${id}/goldens.json`, sha256: sha256Of(model, 'goldens.json') },
    ...(reference === null ? {} : { reference }),
  }
}

function printManifest(): string {
  const text = JSON.stringify({ models: shippedModels.map(entryOf) }, null, 2)
  // Lists of numbers and words on one line each: a reference has hundreds.
  const short = text.replace(
    /\[\s+((?:"[^"]*"|-?\d+|null)(?:,\s+(?:"[^"]*"|-?\d+|null))*)\s+\]/g,
    (_, list: string) => {
      return `[${list.replaceAll(/,\s+/g, ', ')}]`
    },
  )
  return `${short}\n`
}

/**
 * Throws MODEL_STALE unless manifest.json describes the files as they are, and each ONNX file gives the golden
 * outputs within tolerance (not to the last bit: another processor may round otherwise).
 */
export async function checkManifest(): Promise<void> {
  if (readFileSync(manifestFile, 'utf8') !== printManifest())
    throw new ModelFileError('MODEL_STALE', `models/manifest.json is not current; ${REFRESH}`)
  for (const model of shippedModels) await checkGoldens(model)
}

async function checkGoldens(model: ModelDescription): Promise<void> {
  const published = readGoldens(model)
  const { cases } = await computeGoldens(model, published)
  for (const [i, golden] of published.cases.entries()) {
    const got = cases[i]?.outputs[model.output.name] ?? []
    const expected = golden.outputs[model.output.name] ?? []
    const same =
      got.length === expected.length &&
      got.every((value, k) => withinTolerance(model, BigInt(value), BigInt(expected[k] ?? '-1')))
    if (!same) {
      throw new ModelFileError(
        'MODEL_STALE',
        `${model.id}, golden "${golden.name}": expected ${expected.join(',')}, the model answers ${got.join(',')}; ${REFRESH}`,
      )
    }
  }
}

/**
 * Rewrites the expected outputs of each goldens.json that the model does not give any more, then manifest.json. Outputs
 * within tolerance stay as published, so that another processor's rounding makes no new digest.
 */
export async function writeManifest(): Promise<void> {
  for (const model of shippedModels) {
    try {
      await checkGoldens(model)
    } catch (error) {
      if (!(error instanceof ModelFileError && error.code === 'MODEL_STALE')) throw error
      writeGoldens(model, await computeGoldens(model, readGoldens(model)))
    }
  }
  writeFileSync(manifestFile, printManifest())
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) {
  try {
    if (argv[2] === '--check') await checkManifest()
    else if (argv[2] === undefined) await writeManifest()
    else throw new ModelFileError('MODEL_USAGE', 'usage: node models/tools/manifest.ts [--check]')
    stdout.write('models/manifest.json and every goldens.json are current\n')
  } catch (error) {
    stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    exit(1)
  }
}
