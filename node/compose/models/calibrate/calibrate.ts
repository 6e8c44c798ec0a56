import type { Calibrated, CalibrateOptions } from '../../../cli/model-deps.ts'
import type { NodeConfig } from '../../../config/schema.ts'
import { markdownTable } from '../../../inference/drift-card.ts'
import { readGoldens } from '../../../inference/goldens.ts'
import { readVerified } from '../../../inference/verified-file.ts'
import type { Provider } from '../../../ports/inference-backend.ts'
import { ModelError } from '../errors.ts'
import { findModel, type Known } from '../known.ts'
import { readEntry } from '../stage.ts'
import { drawInputs } from './draw-inputs.ts'
import { type Answers, batchesOf, type Measured, measureWays } from './measure-ways.ts'
import { keptOrigin, originOf } from './origin.ts'
import { type Results, readPeers, thisMachine, writeResults } from './results-file.ts'
import { extremesOf, FINER_DECIMALS, type Gap, gapBetween, notBelow, propose } from './spread.ts'
import { writeCalibration } from './write-calibration.ts'

/** Most decimals that a quantised answer has. */
const MOST_DECIMALS = 18

/**
 * Runs a model's goldens and seeded inputs near them in every way that this machine has, holds them and other machines'
 * results against each other, and proposes tolerance and scale; without other machines' no tolerance below the present one. With `write` the folder holds them afterwards, and the card
 * the table. Rejects with `ModelError`; then nothing was written.
 */
export async function calibrateModel(config: NodeConfig, options: CalibrateOptions): Promise<Calibrated> {
  const { entry, root } = await modelOf(config, options)
  const refuse = (cause: unknown) => {
    throw new ModelError(
      'MODEL_REFUSED',
      `Model ${entry.id} can not be calibrated: ${cause instanceof Error ? cause.message : String(cause)}.`,
      cause,
    )
  }
  const bytes = await readVerified(root, entry.file, entry.sha256).catch(refuse)
  const golden = await readVerified(root, entry.goldens.file, entry.goldens.sha256)
    .then((text) => readGoldens(entry, text))
    .catch(refuse)
  const { inputs: count, seed } = options
  const cases = [...golden.map(({ inputs }) => inputs), ...drawInputs(entry.inputs, golden, { count, seed })]
  const decimals = Math.min(MOST_DECIMALS, entry.quantization.decimals + FINER_DECIMALS)
  const asked = { sha256: entry.sha256, goldens: entry.goldens.sha256, inputs: count, seed, decimals }
  const peers = await readPeers(options.peers, asked, await originOf(config))

  const providers: readonly Provider[] = [...new Set<Provider>([...config.inference.providers, 'cpu'])]
  const { measured, absent } = await measureWays(entry, bytes, cases, { providers, decimals })
  const all = measured.flatMap(({ answers }) => answers)
  const [reference = []] = all
  const own = { ...extremesOf(all), machine: thisMachine(), ways: all.length, asked }
  if (options.export !== null)
    await writeResults(options.export, { ...own, origin: await keptOrigin(config) })

  const extremes = extremesOf([reference, ...[own, ...peers].flatMap(({ low, high }) => [low, high])])
  const per = 10n ** BigInt(decimals - entry.quantization.decimals)
  const now = { decimals: entry.quantization.decimals, tolerance: entry.tolerance }
  const twice = propose(extremes, entry, decimals)
  const proposal = peers.length === 0 ? notBelow(now, twice) : twice
  const table = tableOf(measured, batchesOf(entry), peers, per)
  const result = {
    ...{ id: entry.id, version: entry.version, digest: entry.digest, table },
    spread: inWords(gapBetween(extremes.high, extremes.low, per)),
    ...{ ways: all.length, peers: peers.length },
    answered: reference.filter((answer) => answer !== null).length,
    unanswered: reference.filter((answer) => answer === null).length,
    absent: [...absent].map(([provider, reason]) => ({ provider, reason })),
    ...{ now, twice, proposed: proposal },
  }
  if (!options.write) return { ...result, written: null }
  const goldens = { answers: reference.slice(0, golden.length), decimals }
  return { ...result, written: await writeCalibration(options.model, { proposal, goldens, table }) }
}

/** Of a folder, or of what the node has; only a folder can be written to. */
async function modelOf(
  config: NodeConfig,
  { model, isFolder, write }: CalibrateOptions,
): Promise<Pick<Known, 'entry' | 'root'>> {
  if (isFolder) return { entry: (await readEntry(model)).entry, root: model }
  if (write)
    throw new ModelError(
      'MODEL_BAD_FOLDER',
      `What a node runs is bound by its digest and is not changed: calibrate the folder that "iyi model pack" wrote of ${model}, and add it as a new version.`,
    )
  return await findModel(config, model)
}

function tableOf(
  measured: readonly Measured[],
  batches: readonly number[],
  peers: readonly Results[],
  per: bigint,
): string {
  const reference: Answers = measured[0]?.answers[0] ?? []
  const cell = (answers: Answers) => inWords(gapBetween(answers, reference, per))
  return markdownTable([
    ['where', 'optimisation', 'threads', ...batches.map((size) => `batch ${size}`)],
    ...measured.map(({ way, answers }) => [
      ...[way.provider, way.optimisation, String(way.threads)],
      ...answers.map(cell),
    ]),
    ...peers.map(({ machine, low, high, ways }) => {
      const [under, over] = [low, high].map((answers) => gapBetween(answers, reference, per))
      const widest = (under?.units ?? 0n) > (over?.units ?? 0n) ? under : over
      // The whole of it, in one cell.
      const cells = [
        machine.replaceAll('|', '/'),
        `${ways} ways`,
        '',
        inWords(widest ?? { units: 0n, ppm: 0, unequal: 0 }),
      ]
      return [...cells, ...batches.slice(1).map(() => '')]
    }),
  ])
}

/** `0` where every answer is the same. */
const inWords = ({ units, ppm, unequal }: Gap) => (unequal === 0 ? '0' : `${units} (${ppm.toFixed(3)})`)
