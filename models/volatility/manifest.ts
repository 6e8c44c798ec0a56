import { readFileSync, writeFileSync } from 'node:fs'
import { argv, exit, stderr, stdout } from 'node:process'
import { pathToFileURL } from 'node:url'
import { forecast, HERE, ModelFileError, openModel, quantise, sha256Of } from './session.ts'

interface GoldenTensor {
  readonly shape: readonly number[]
  readonly values: readonly number[]
}

export interface GoldenCase {
  readonly name: string
  readonly inputs: { readonly log_returns: GoldenTensor }
  readonly outputs: { readonly volatility: readonly string[] }
}

export interface Goldens {
  readonly model: string
  readonly inputDecimals: number
  readonly outputDecimals: number
  readonly cases: readonly GoldenCase[]
}

const DECIMALS = 8

/**
 * Two nodes' answers may lie max(absolute, value * relativePpm / 1e6) quantised units apart. check.ts measures how
 * far apart threads and graph optimisations put them; README.md holds the figures that these come from.
 */
export const TOLERANCE = { absolute: '20', relativePpm: 100 }

const goldensFile = new URL('goldens.json', HERE)
const manifestFile = new URL('../manifest.json', HERE)

export function readGoldens(): Goldens {
  return JSON.parse(readFileSync(goldensFile, 'utf8')) as Goldens
}

/** One case a line, as generate.py writes it. */
function printGoldens({ cases, ...head }: Goldens): string {
  const lines = cases.map((golden) => JSON.stringify(golden)).join(',\n')
  return `${JSON.stringify(head).slice(0, -1)},"cases":[\n${lines}\n]}\n`
}

/** The goldens with the outputs that the ONNX file gives here and now. */
export async function computeGoldens(goldens: Goldens): Promise<Goldens> {
  const session = await openModel()
  try {
    const cases: GoldenCase[] = []
    for (const golden of goldens.cases) {
      const { shape, values } = golden.inputs.log_returns
      const out = await forecast(session, shape, values, goldens.inputDecimals)
      cases.push({
        ...golden,
        outputs: { volatility: out.map((value) => quantise(value, DECIMALS).toString()) },
      })
    }
    return { ...goldens, outputDecimals: DECIMALS, cases }
  } finally {
    await session.release()
  }
}

function printManifest(): string {
  const entry = {
    id: 'volatility',
    version: '1.0.0',
    file: 'volatility/volatility.onnx',
    sha256: sha256Of('volatility.onnx'),
    opset: 17,
    inputs: [{ name: 'log_returns', type: 'float32', shape: [null, null, 360] }],
    outputs: [{ name: 'volatility', type: 'float32', shape: [null, 1] }],
    batched: true,
    preprocessing: [
      { op: 'window', tensor: 'log_returns', size: 361, barSeconds: 10 },
      { op: 'log-return', tensor: 'log_returns' },
    ],
    quantization: { output: 'volatility', decimals: DECIMALS },
    tolerance: TOLERANCE,
    goldens: { file: 'volatility/goldens.json', sha256: sha256Of('goldens.json') },
  }
  return `${JSON.stringify({ models: [entry] }, null, 2)}\n`
}

/** True when `got` is within the manifest's tolerance of `expected`; both in quantised units. */
export function withinTolerance(got: bigint, expected: bigint): boolean {
  const gap = got > expected ? got - expected : expected - got
  const size = expected < 0n ? -expected : expected
  const relative = (size * BigInt(TOLERANCE.relativePpm)) / 1_000_000n
  const absolute = BigInt(TOLERANCE.absolute)
  return gap <= (relative > absolute ? relative : absolute)
}

/**
 * Throws MODEL_STALE unless manifest.json describes the files as they are, and the ONNX file gives the golden
 * outputs within tolerance (not to the last bit: another processor may round otherwise).
 */
export async function checkManifest(): Promise<void> {
  const refresh = 'run: node models/volatility/manifest.ts'
  if (readFileSync(manifestFile, 'utf8') !== printManifest()) {
    throw new ModelFileError('MODEL_STALE', `models/manifest.json is not current; ${refresh}`)
  }
  const published = readGoldens()
  const computed = await computeGoldens(published)
  for (const [i, golden] of published.cases.entries()) {
    const got = computed.cases[i]?.outputs.volatility ?? []
    const expected = golden.outputs.volatility
    const same =
      got.length === expected.length &&
      got.every((value, k) => withinTolerance(BigInt(value), BigInt(expected[k] ?? '-1')))
    if (!same) {
      throw new ModelFileError(
        'MODEL_STALE',
        `golden "${golden.name}": expected ${expected.join(',')}, the model answers ${got.join(',')}; ${refresh}`,
      )
    }
  }
}

/** Rewrites the expected outputs of goldens.json, then manifest.json. */
export async function writeManifest(): Promise<void> {
  writeFileSync(goldensFile, printGoldens(await computeGoldens(readGoldens())))
  writeFileSync(manifestFile, printManifest())
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) {
  try {
    if (argv[2] === '--check') await checkManifest()
    else if (argv[2] === undefined) await writeManifest()
    else throw new ModelFileError('MODEL_USAGE', 'usage: node models/volatility/manifest.ts [--check]')
    stdout.write('models/manifest.json and goldens.json are current\n')
  } catch (error) {
    stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    exit(1)
  }
}
