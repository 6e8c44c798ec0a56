import { readFile, writeFile } from 'node:fs/promises'
import { arch, cpus, platform } from 'node:os'
import { z } from 'zod'
import { ModelError } from '../errors.ts'
import type { Extremes } from './spread.ts'

const FORMAT = 1
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

/** Rejects with `ModelError` `MODEL_BAD_FILE` for a file that is none, or of other questions. */
export async function readResults(path: string, asked: Asked): Promise<Results> {
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
  if (!parsed.success) throw bad(path, 'it holds no results of "iyi model calibrate --export"')
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
