import { setTimeout as sleep } from 'node:timers/promises'
import { MESSAGE_KIND } from '../../../node/quorum/messages.ts'
import { percentile } from '../figure.ts'
import type { BareCosts } from './bare.ts'
import { MODE } from './board.ts'
import { type Counts, checkClean, countsOf, perRound } from './counts.ts'
import { Network } from './network.ts'
import { RUNS, type Scenario } from './scenario.ts'

const PHASE_MS = 180_000
/** After the last attestation: late messages are still being read. */
const SETTLE_MS = 100

/** What one run gave. */
export interface Run {
  /** Null where rounds were not run one at a time. */
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  /** Of all duties together. */
  readonly roundsPerSecond: number
  /** Most rounds of a duty against the fewest, in the same time. */
  readonly maxMinRatio: number
  /** CPU milliseconds of the whole process a round, all validators. */
  readonly cpuMs: number
  /** CPU milliseconds of the same round's bare operations, all validators. */
  readonly bareMs: number
  readonly bytes: number
  /** Of these, signatures. */
  readonly signatureBytes: number
}

/** Starts the network, warms it up and measures it some times over. */
export async function measureScenario(scenario: Scenario): Promise<Run[]> {
  const network = await Network.start(scenario)
  try {
    await warmUp(network)
    const runs: Run[] = []
    for (let i = 0; i < RUNS; i++) runs.push(await measureRun(network))
    return runs
  } finally {
    await network.stop()
  }
}

/** The first epoch begins, and the code gets hot: nothing of it counts. */
async function warmUp(network: Network): Promise<void> {
  const { board, scenario } = network
  board.mode = MODE.free
  const done = () => board.allRounds().every((count) => count >= scenario.warmUp)
  await network.until(`each duty had ${scenario.warmUp} rounds`, done, PHASE_MS)
  await settled(network)
  await network.bareCosts()
}

async function measureRun(network: Network): Promise<Run> {
  const { single } = network.scenario
  const latencies = single > 0 ? await oneAtATime(network, single) : null
  const before = await network.bareCosts()
  const measured = await free(network, network.scenario.free)
  const after = await network.bareCosts()
  const round = perRound(network.scenario, measured.counts)
  return {
    p50Ms: latencies && percentile(latencies, 0.5),
    p99Ms: latencies && percentile(latencies, 0.99),
    roundsPerSecond: measured.roundsPerSecond,
    maxMinRatio: measured.maxMinRatio,
    cpuMs: measured.cpuMs / measured.counts.rounds,
    bareMs: (costOf(round.operations, before) + costOf(round.operations, after)) / 2,
    bytes: round.bytes,
    signatureBytes: round.signatureBytes,
  }
}

function costOf(operations: Readonly<Record<keyof BareCosts, number>>, costs: BareCosts): number {
  return (Object.keys(costs) as (keyof BareCosts)[]).reduce(
    (sum, name) => sum + operations[name] * costs[name],
    0,
  )
}

/** Latencies of some rounds at every validator, each with the machine for itself. */
async function oneAtATime(network: Network, rounds: number): Promise<number[]> {
  const { board } = network
  const before = countsOf(board)
  const first = board.rounds(0) + 1
  const last = first + rounds - 1
  board.mode = MODE.single
  await network.until(`round ${last} is attested everywhere`, () => board.rounds(0) >= last, PHASE_MS)
  await settled(network)
  checkClean(network.scenario, countsOf(board, before))
  return Array.from({ length: rounds }, (_, i) => board.latencies(first + i)).flat()
}

/** Lets all leaders go on until each duty had so many rounds. */
async function free(
  network: Network,
  rounds: number,
): Promise<{ counts: Counts; cpuMs: number; roundsPerSecond: number; maxMinRatio: number }> {
  const { board } = network
  const before = countsOf(board)
  const cpu = process.cpuUsage()
  const ahead = (from: readonly number[], by: number) =>
    board.allRounds().every((count, duty) => count >= (from[duty] ?? 0) + by)
  const atRest = board.allRounds()
  board.mode = MODE.free
  await network.until('each duty had a round', () => ahead(atRest, 1), PHASE_MS)
  const from = board.allRounds()
  const fromMs = performance.now()
  await network.until(`each duty had ${rounds} rounds more`, () => ahead(from, rounds), PHASE_MS)
  const elapsedMs = performance.now() - fromMs
  const gained = board.allRounds().map((count, duty) => count - (from[duty] ?? 0))
  await settled(network)
  const { user, system } = process.cpuUsage(cpu)
  const counts = countsOf(board, before)
  checkClean(network.scenario, counts)
  return {
    counts,
    cpuMs: (user + system) / 1000,
    roundsPerSecond: (gained.reduce((sum, count) => sum + count, 0) * 1000) / elapsedMs,
    maxMinRatio: Math.max(...gained) / Math.min(...gained),
  }
}

/** Every round that a leader began is attested everywhere, and the late messages are read. */
async function settled(network: Network): Promise<void> {
  const { board, scenario } = network
  board.mode = MODE.held
  const begun = () => (board.kinds()[MESSAGE_KIND['round-start']] ?? 0) / (scenario.n - 1)
  const attested = () => board.allRounds().reduce((sum, count) => sum + count, 0)
  let before: number
  do {
    await network.until('every round is attested', () => begun() === attested(), PHASE_MS)
    before = begun()
    await sleep(SETTLE_MS)
  } while (begun() !== before)
}
