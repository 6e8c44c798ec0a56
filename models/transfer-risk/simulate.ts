import { argv, exit, stderr, stdout } from 'node:process'
import { pathToFileURL } from 'node:url'
import { ModelFileError } from '../tools/model-file-error.ts'
import { Random } from '../tools/random.ts'
import { type EconomySize, economy } from './economy.ts'
import { plantPatterns } from './patterns.ts'
import { HOUR, type LabelledTransfer, World } from './world.ts'

export interface Simulation {
  readonly days: number
  readonly size: EconomySize
  /** How many patterns are begun, of all kinds. */
  readonly patternsPerDay: number
}

const FULL: Simulation = {
  days: 14,
  size: { users: 500, merchants: 20, exchanges: 3, employers: 5 },
  patternsPerDay: 5,
}

/** A few dozen people for some days: small enough to read, and to commit. */
export const SMALL: Simulation = {
  days: 3,
  size: { users: 24, merchants: 3, exchanges: 1, employers: 1 },
  patternsPerDay: 3,
}

/** One economy of this seed, in the chain's order. The same seed gives the same transfers on every machine. */
export function simulate(
  seed: number,
  { days, size, patternsPerDay }: Simulation = FULL,
): readonly LabelledTransfer[] {
  const world = new World(new Random(seed), days)
  const honest = economy(world, size)
  world.after(HOUR, () => plantPatterns(world, honest, patternsPerDay))
  world.run()
  return world.log
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) {
  const seed = Number(argv[2])
  if (argv.length !== 3 || !Number.isSafeInteger(seed) || seed < 0) {
    const { message } = new ModelFileError('MODEL_USAGE', 'usage: node models/transfer-risk/simulate.ts SEED')
    stderr.write(`${message}\n`)
    exit(1)
  }
  // One JSON object a line, for whoever wants to look at what the model learns from.
  for (const { transfer, pattern } of simulate(seed)) {
    const { block, value, ...rest } = transfer
    stdout.write(`${JSON.stringify({ block: String(block), ...rest, value: String(value), pattern })}\n`)
  }
}
