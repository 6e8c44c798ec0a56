import { readFile, writeFile } from 'node:fs/promises'
import { arch, cpus, platform } from 'node:os'
import { z } from 'zod'
import { ModelError } from '../errors.ts'
import { ORIGIN } from './origin.ts'
import type { Extremes } from './spread.ts'

const FORMAT = 2
const answers = z.array(
  z
    .array(
      z
        .string()
        .regex(/^-?[0-9]{1,60}$/)
        .transform(BigInt),
    )
    .nullable(),
)
const schema = z.strictObject({
  format: z.literal(FORMAT),
  /** Tells whose it is: results of one's own prove nothing of others. */
  origin: z.string().regex(ORIGIN),
  machine: z.string().max(200),
  ways: z.int().positive(),
  asked: z.strictObject({
    sha256: z.string(),
    goldens: z.string(),
    inputs: z.int().nonnegative(),
    seed: z.int().nonnegative(),
    decimals: z.int().nonnegative(),
  }),
  low: answers,
  high: answers,
})

/** What was asked: results of two machines can be compared where it is the same. */
export type Asked = z.output<typeof schema>['asked']

export interface Results extends Extremes {
  readonly origin: string
  readonly machine: string
  readonly ways: number
  readonly asked: Asked
}

export const thisMachine = (): string =>
  `${platform()} ${arch()}, ${cpus()[0]?.model.trim() ?? 'unknown processor'}`

/** For other machines, which hold theirs against it. Rejects with `ModelError` `MODEL_BAD_FILE`. */
export async function writeResults(path: string, results: Results): Promise<void> {
  const text = JSON.stringify({ format: FORMAT, ...results }, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  )
  await writeFile(path, `${text}\n`).catch((cause: Error) => {
    throw bad(path, `it can not be written (${cause.message})`, cause)
  })
}

/**
 * Results of other machines, each of one. Rejects with `ModelError` `MODEL_BAD_FILE` for a file that is none, of other
 * questions, or of a machine that is counted already: `own`, where it exported before, or that of another file.
 */
export async function readPeers(
  paths: readonly string[],
  asked: Asked,
  own: string | null,
): Promise<readonly Results[]> {
  const peers: Results[] = []
  for (const path of paths) {
    const results = await readResults(path, asked)
    if (results.origin === own)
      throw bad(
        path,
        'it was exported with the data folder of this configuration: what a machine says of itself lowers no tolerance. Export it on another machine, with a data folder of its own',
      )
    const same = peers.findIndex(({ origin }) => origin === results.origin)
    if (same !== -1)
      throw bad(path, `it comes from the same machine as ${paths[same]}: leave one of the two out`)
    peers.push(results)
  }
  return peers
}

async function readResults(path: string, asked: Asked): Promise<Results> {
  let raw: unknown
  try {
    raw = JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    throw bad(
      path,
      `it can not be read as JSON (${cause instanceof Error ? cause.message : String(cause)})`,
      cause,
    )
  }
  const parsed = schema.safeParse(raw)
  if (!parsed.success)
    throw bad(
      path,
      'it holds no results as this version of "iyi model calibrate --export" writes them: export them again',
    )
  for (const key of ['sha256', 'goldens', 'inputs', 'seed', 'decimals'] as const)
    if (parsed.data.asked[key] !== asked[key])
      throw bad(
        path,
        `its ${key} is ${parsed.data.asked[key]}, here it is ${asked[key]}: run the same model with the same --inputs and --seed there`,
      )
  const { format: _, ...results } = parsed.data
  return results
}

const bad = (path: string, why: string, cause?: unknown) =>
  new ModelError('MODEL_BAD_FILE', `${path} can not be used: ${why}.`, cause)
