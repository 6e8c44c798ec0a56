import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { decodeFunctionResult, encodeFunctionData, type Hex, hexToNumber } from 'viem'
import { parse } from 'yaml'
import { oracleFeedAbi } from '../../contracts/abi/OracleFeed.ts'
import { jsonRpc } from '../../node/devnet/rpc.ts'
import { type Devnet, withDevnet } from './devnet.ts'
import { type Figure, percentile } from './figure.ts'

const MEASURE_MS = 120_000
/** How often chain and table are looked at: the resolution of the figures. */
const LOOK_MS = 10
const FEED = 'iyi-usd-price'

/**
 * A whole devnet of four validators on this machine. Every block holds a swap in the pool, so: from the moment a block
 * is first seen at the chain to the moment its swap can be read from the index; and from the moment the block that a
 * round pinned was first seen to the moment that round's report was mined.
 */
export function latencyBenchmarks(): Promise<Figure[]> {
  return withDevnet((net) => measure(net, databaseOf(join(net.dir, 'validator-0'))))
}

async function measure(net: Devnet, databaseUrl: string): Promise<Figure[]> {
  const feed = net.feeds.find(({ id }) => id === FEED)
  const chain = net.chains.find(({ id }) => id === feed?.chainId)
  if (feed === undefined || chain === undefined) throw new TypeError(`the devnet has no feed ${FEED}`)
  const rpc = jsonRpc(chain.rpc)
  const database = new pg.Client({ connectionString: databaseUrl })
  await database.connect()
  try {
    const blockSeen = new Map<number, number>()
    const rowSeen = new Map<number, number>()
    const roundSeen = new Map<bigint, number>()
    const stopAt = performance.now() + MEASURE_MS
    await Promise.all([
      every(stopAt, async () => {
        note(blockSeen, hexToNumber(await rpc<Hex>('eth_blockNumber')))
      }),
      every(stopAt, async () => {
        const { rows } = await database.query(
          'select max(block_number)::int as block from iyi_index.pool_swap where chain_id = $1',
          [chain.id],
        )
        note(rowSeen, rows[0].block)
      }),
      every(stopAt, async () => {
        const data = await rpc<Hex>('eth_call', [
          {
            to: feed.address,
            data: encodeFunctionData({ abi: oracleFeedAbi, functionName: 'latestRoundData' }),
          },
          'latest',
        ])
        note(
          roundSeen,
          decodeFunctionResult({ abi: oracleFeedAbi, functionName: 'latestRoundData', data })[0],
        )
      }),
    ])
    // What was there at the first look has no arrival time.
    dropFirst(blockSeen)
    dropFirst(rowSeen)
    dropFirst(roundSeen)

    const toRow: number[] = []
    for (const [block, at] of rowSeen) {
      const arrived = blockSeen.get(block)
      if (arrived !== undefined) toRow.push(Math.max(0, at - arrived))
    }
    const toReport: number[] = []
    for (const [round, at] of roundSeen) {
      const pinned = await pinnedBlock(net.api, round, chain.id)
      const arrived = pinned === null ? undefined : blockSeen.get(pinned)
      if (arrived !== undefined) toReport.push(at - arrived)
    }
    const times = [...blockSeen.values()].sort((a, b) => a - b)
    const blockTime = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / (times.length - 1)
    const figure = (name: string, values: readonly number[], p: number): Figure => {
      const value = percentile(values, p)
      return {
        name,
        value: Math.round(value),
        unit: 'ms',
        baseline: `block time, mean (${values.length} samples)`,
        baselineValue: Math.round(blockTime),
        ratio: value / blockTime,
      }
    }
    return [
      figure('latency.swap_to_row.p50_ms', toRow, 0.5),
      figure('latency.swap_to_row.p95_ms', toRow, 0.95),
      figure('latency.swap_to_report.p50_ms', toReport, 0.5),
      figure('latency.swap_to_report.p95_ms', toReport, 0.95),
    ]
  } finally {
    await database.end()
  }
}

/** The block of the feed's chain that a round read its input at, from the first validator that holds its evidence. */
async function pinnedBlock(api: readonly string[], round: bigint, chainId: number): Promise<number | null> {
  for (const url of api) {
    const response = await fetch(`${url}/v1/feeds/${FEED}/rounds/${round}`)
    if (!response.ok) continue
    const { data } = (await response.json()) as {
      data: { evidence: { pins: { chainId: number; number: string }[] } | null }
    }
    const pin = data.evidence?.pins.find((entry) => entry.chainId === chainId)
    if (pin !== undefined) return Number(pin.number)
  }
  return null
}

async function every(stopAt: number, look: () => Promise<void>): Promise<void> {
  while (performance.now() < stopAt) {
    await look()
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

function note<K>(seen: Map<K, number>, key: K): void {
  if (!seen.has(key)) seen.set(key, performance.now())
}

function dropFirst<K>(seen: Map<K, number>): void {
  const [first] = seen.keys()
  if (first !== undefined) seen.delete(first)
}

function databaseOf(validator: string): string {
  const { database } = parse(readFileSync(join(validator, 'iyi.yaml'), 'utf8'))
  const url = new URL(database.url)
  url.password = encodeURIComponent(readFileSync(join(validator, database.passwordFile), 'utf8').trim())
  return url.href
}
