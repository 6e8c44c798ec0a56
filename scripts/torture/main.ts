// Storms over the real node: `npm run torture -- --help`.
import { parseArgs } from 'node:util'
import { startPostgres } from '../../test/adapters/ponder/fixture.ts'
import { faultStorm } from './fault/storm.ts'
import { killStorm } from './kill/storm.ts'
import { reorgStorm } from './reorg/storm.ts'
import { type Outcome, outcomeLine } from './report.ts'

const USAGE = `npm run torture -- [--rounds N] [--from SEED] [--storm reorg|kill|fault] [--away SECONDS] [--keep]
  storms, N rounds (10) each, with the seeds from SEED (1) on: reorganisations of two chains under the indexer and the
  event log; SIGKILL of a node, its indexer and its database under load; and, once every ten rounds, a node whose
  providers are away (for --away SECONDS, 20), whose clock is set and whose disk is full. Ends non-zero on any difference
  between what the node has and what the chains say; prints the seed, what differs, and a folder with logs and
  configuration. --storm runs one of them; --keep keeps the folders of rounds without a difference as well.
  A round of reorganisations stands alone: --storm reorg --from SEED --rounds 1 plays it again. Ten rounds of kills go on
  from one another and are audited at the end: --storm kill --from SEED --rounds 10, with the first one's seed. What is
  done follows from the seed; when it hits a process does not.`

const storms = ['reorg', 'kill', 'fault'] as const
type Storm = (typeof storms)[number]

/** So many rounds of kills hit one node, one after the other. */
const TOGETHER = 10

const say = (line: string) => process.stdout.write(`${line}\n`)

try {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string' },
      from: { type: 'string' },
      storm: { type: 'string' },
      away: { type: 'string' },
      keep: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  const { rounds = '10', from = '1', storm: name, away = '20', keep = false } = values
  const storm = storms.find((each) => each === name)
  if (name !== undefined && storm === undefined)
    throw new RangeError(`--storm is ${storms.join(' or ')}, not ${name}`)
  if (values.help) say(USAGE)
  else
    await torture({
      ...{
        rounds: whole('rounds', rounds, 1),
        from: whole('from', from, 0),
        awayMs: whole('away', away, 1) * 1_000,
      },
      ...{ storms: storm === undefined ? storms : [storm], keep },
    })
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

function whole(name: string, text: string, least: number): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) < least)
    throw new RangeError(`--${name} takes a whole number from ${least} on, not ${text}`)
  return Number(text)
}

async function torture(of: {
  rounds: number
  from: number
  awayMs: number
  storms: readonly Storm[]
  keep: boolean
}): Promise<void> {
  const { rounds, from, awayMs, storms, keep } = of
  const began = performance.now()
  const outcomes: Outcome[] = []
  let failed = 0
  const play = async (seed: number, run: () => Promise<Outcome>) => {
    try {
      const outcome = await run()
      outcomes.push(outcome)
      say(outcomeLine(outcome))
    } catch (error) {
      failed++
      say(`DIFFERENT from seed ${seed} on: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const postgres = await startPostgres()
  // Whoever is in a hurry leaves nothing running: chains and nodes end with this process.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void postgres.stop().finally(() => process.exit(1)))
  try {
    const server = postgres.url
    if (storms.includes('reorg'))
      for (let seed = from; seed < from + rounds; seed++)
        await play(seed, () => reorgStorm({ seed, server, keep }))
    for (let first = from; first < from + rounds; first += TOGETHER) {
      const many = Math.min(TOGETHER, from + rounds - first)
      if (storms.includes('kill'))
        await play(first, () => killStorm({ from: first, rounds: many, server, keep, tell: say }))
      if (storms.includes('fault'))
        await play(first, () => faultStorm({ seed: first, server, awayMs, keep, tell: say }))
    }
  } finally {
    await postgres.stop()
  }
  const events = outcomes.reduce((sum, outcome) => sum + outcome.events, 0)
  say(
    `seeds ${from} to ${from + rounds - 1}: ${outcomes.length} storms equal, ${failed} different, ${events} events, ${Math.round((performance.now() - began) / 1000)} s`,
  )
  if (failed > 0) process.exitCode = 1
}
