import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { markers, withPart } from '../../../inference/drift-card.ts'
import { goldensSchema } from '../../../inference/goldens.ts'
import { ModelError } from '../errors.ts'
import { ENTRY_FILE, readEntry } from '../stage.ts'
import { verifyFolder } from '../verify.ts'
import type { Answers } from './measure-ways.ts'
import type { Proposal } from './spread.ts'

const CARD = 'README.md'
const PART = 'calibration'

/**
 * Puts what was proposed into a model's folder: tolerance, margin and scale into its entry, answers of another scale into its
 * goldens, the table into its card. The folder is verified then, and as it was before when that fails. The new digest.
 */
export async function writeCalibration(
  folder: string,
  of: {
    readonly proposal: Proposal
    /** Answers to the goldens, with `decimals`. */
    readonly goldens: { readonly answers: Answers; readonly decimals: number }
    readonly table: string
  },
): Promise<{ readonly digest: string; readonly card: string }> {
  const { entry, written } = await readEntry(folder)
  const goldensPath = join(folder, entry.goldens.file)
  const before = new Map<string, Buffer | null>()
  for (const path of [goldensPath, join(folder, ENTRY_FILE), join(folder, CARD)])
    before.set(path, await readFile(path).catch(() => null))
  const { decimals, tolerance, margin } = of.proposal
  const next = structuredClone(written) as Record<string, unknown>
  next.tolerance = tolerance
  next.quantization = { ...entry.quantization, decimals }
  if (entry.agreement !== undefined)
    next.agreement =
      'tolerances' in entry.agreement
        ? { ...entry.agreement, tolerances: [tolerance] }
        : { ...entry.agreement, margin }
  const old = before.get(goldensPath)?.toString() ?? ''
  const goldens =
    decimals === entry.quantization.decimals
      ? old
      : rescaled(old, entry.quantization.output, of.goldens, decimals)
  next.goldens = { ...entry.goldens, sha256: createHash('sha256').update(goldens).digest('hex') }
  const card = join(folder, CARD)
  try {
    await writeFile(goldensPath, goldens)
    await writeFile(join(folder, ENTRY_FILE), `${JSON.stringify(next, null, 2)}\n`)
    const { digest } = await verifyFolder(folder)
    await writeFile(card, cardWith(before.get(card)?.toString() ?? `# ${entry.id}\n`, of.table))
    return { digest, card }
  } catch (error) {
    for (const [path, bytes] of before) if (bytes !== null) await writeFile(path, bytes)
    throw error
  }
}

/** The goldens with the answers that were measured, at another scale. */
function rescaled(
  text: string,
  output: string,
  { answers, decimals: finer }: { readonly answers: Answers; readonly decimals: number },
  decimals: number,
): string {
  const goldens = goldensSchema.parse(JSON.parse(text))
  const per = 10n ** BigInt(finer - decimals)
  const cases = goldens.cases.map((each, i) => {
    const values = answers[i]
    if (values == null)
      throw new ModelError(
        'MODEL_REFUSED',
        `Golden ${each.name} was not answered: its scale can not be changed.`,
      )
    return { ...each, outputs: { [output]: values.map((value) => String(rounded(value, per))) } }
  })
  return JSON.stringify({ ...goldens, outputDecimals: decimals, cases })
}

/** To the nearest, halves away from zero. */
function rounded(value: bigint, per: bigint): bigint {
  const size = ((value < 0n ? -value : value) + per / 2n) / per
  return value < 0n ? -size : size
}

function cardWith(card: string, table: string): string {
  const text = `The largest gap in quantised units (in ppm) between the answers of each way and those of the first line; \`0\`: none.\n\n${table}`
  const [begin, end] = markers(PART)
  return (
    withPart(card, PART, text) ??
    `${card.trimEnd()}\n\n## Agreement between machines\n\n${begin}\n\n${text}\n\n${end}\n`
  )
}
