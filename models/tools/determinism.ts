import { readFileSync, writeFileSync } from 'node:fs'
import { argv, exit, stderr, stdout } from 'node:process'
import { markdownTable, markers, withPart } from '../../node/inference/drift-card.ts'
import { fileOf, type ModelDescription } from './description.ts'
import { ModelFileError } from './model-file-error.ts'
import { shippedModels } from './registry.ts'
import { withModel } from './session.ts'
import { inBatches, studyRows } from './study-rows.ts'
import { type Drift, driftOf } from './tolerance.ts'

/**
 *     node models/tools/determinism.ts [--write]
 *
 * How far each model's answers drift over threads, graph optimisations and batch sizes on this machine, against the
 * published setting: one thread, every optimisation, each row alone. --write puts the table into the model's card.
 * Exits with 1 if an answer leaves the model's tolerance.
 */

const ROWS = 512
const SEED = 20_260_113
const LEVELS = ['disabled', 'basic', 'extended', 'all'] as const
const THREADS = [1, 2] as const
const BATCHES = [1, 2, 8, 64] as const
const PART = 'determinism'

interface Line {
  readonly level: string
  readonly threads: number
  /** One for each of BATCHES. */
  readonly drifts: readonly Drift[]
}

async function study(model: ModelDescription): Promise<readonly Line[]> {
  const groups = studyRows(model, ROWS, SEED)
  const answers = (level: (typeof LEVELS)[number], threads: number) =>
    withModel(model, { graphOptimizationLevel: level, intraOpNumThreads: threads }, async (answer) => {
      const all: number[][] = []
      for (const size of BATCHES) {
        const out: number[] = []
        for (const rows of groups.flatMap((group) => inBatches(group, size)))
          out.push(...(await answer(rows)))
        all.push(out)
      }
      return all
    })
  const [published = []] = await answers('all', 1)
  const lines: Line[] = []
  for (const level of LEVELS)
    for (const threads of THREADS) {
      const drifts = (await answers(level, threads)).map((got) => driftOf(model, got, published))
      lines.push({ level, threads, drifts })
    }
  return lines
}

/** `0` where every answer has the same bits. */
function cell({ units, ppm, unequal, outside }: Drift): string {
  return unequal === 0 ? '0' : `${units} (${ppm.toFixed(3)})${outside > 0 ? ` **${outside} outside**` : ''}`
}

function table(lines: readonly Line[]): string {
  const rows = [
    ['optimisation', 'threads', ...BATCHES.map((size) => `batch ${size}`)],
    ...lines.map(({ level, threads, drifts }) => [level, String(threads), ...drifts.map(cell)]),
  ]
  return markdownTable(rows)
}

/** Throws MODEL_STALE where the card has no place for the table. */
function writeCard(model: ModelDescription, table: string): void {
  const card = fileOf(model, 'README.md')
  const text = withPart(readFileSync(card, 'utf8'), PART, table)
  if (text === null)
    throw new ModelFileError(
      'MODEL_STALE',
      `models/${model.id}/README.md has no place for the table: put the lines ${markers(PART).join(' and ')} into it`,
    )
  writeFileSync(card, text)
}

try {
  if (argv.length > 3 || (argv[2] ?? '--write') !== '--write')
    throw new ModelFileError('MODEL_USAGE', 'usage: node models/tools/determinism.ts [--write]')
  let outside = 0
  for (const model of shippedModels) {
    const lines = await study(model)
    const text = table(lines)
    stdout.write(`${model.id}: largest gap in quantised units (in ppm)\n\n${text}\n\n`)
    if (argv[2] === '--write') writeCard(model, text)
    for (const { drifts } of lines) for (const drift of drifts) outside += drift.outside
  }
  if (outside > 0)
    throw new ModelFileError('MODEL_OUTPUT', `${outside} answers lie outside their model's tolerance`)
} catch (error) {
  stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  exit(1)
}
