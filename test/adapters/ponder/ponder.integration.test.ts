import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import { type Hex, parseAbiItem, zeroHash } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { constantProductPoolAbi } from '../../../contracts/abi/ConstantProductPool.ts'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { ponderIndexReader } from '../../../node/adapters/ponder/index-reader.ts'
import { snakeCase } from '../../../node/adapters/ponder/names.ts'
import { ponderSupervisor } from '../../../node/adapters/ponder/supervisor.ts'
import { chainPools } from '../../../node/adapters/viem/pools.ts'
import { argumentsOf, auditedEvents } from '../../../node/compose/audited-events.ts'
import type { ChainReader } from '../../../node/ports/chain.ts'
import { indexTables, type TableName } from '../../../node/ports/index-tables.ts'
import { differences } from '../../../node/trust/compare-index.ts'
import { configure, deployAggregator, transmitAnswer } from './aggregator-fixture.ts'
import {
  type Anvil,
  account,
  deployMarket,
  freePort,
  groupMembers,
  type Market,
  type Postgres,
  repository,
  startAnvil,
  startPostgres,
  testPool,
  trade,
  until,
} from './fixture.ts'
import {
  deployFeed,
  deployRegistry,
  evidenceDigest,
  type Feed,
  modelDigest,
  report,
} from './oracle-fixture.ts'
import { recordingLogger, recordingMetrics } from './recorders.ts'

const swapEvent = parseAbiItem(
  'event Swap(address indexed sender, uint256 amount0In, uint256 amount1In, uint256 amount0Out, uint256 amount1Out, address indexed to)',
)

let postgres: Postgres
let pool: pg.Pool
let directory: string
let alpha: Anvil
let beta: Anvil
let idle: Anvil
let alphaMarket: Market
let betaMarket: Market
let feed: Feed
let registry: Hex
let aggregator: Hex
let supervisor: ReturnType<typeof ponderSupervisor>
let reader: ReturnType<typeof ponderIndexReader>
const log = recordingLogger()
const metrics = recordingMetrics()
const watched = new Set<number>()
const clock = systemClock

/** All that is followed, once everything is deployed. */
function indexedContracts() {
  const [onAlpha, onBeta] = [alpha.chainId, beta.chainId]
  const { startBlock } = betaMarket
  return [
    { kind: 'pool', chainId: onAlpha, address: alphaMarket.pool, startBlock: alphaMarket.startBlock },
    { kind: 'pool', chainId: onBeta, address: betaMarket.pool, startBlock },
    { kind: 'feed', chainId: onBeta, address: feed.address, startBlock },
    { kind: 'registry', chainId: onBeta, address: registry, startBlock },
    { kind: 'ocr2', chainId: onBeta, address: aggregator, startBlock },
  ] as const
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'iyi-index-'))
  ;[postgres, alpha, beta, idle] = await Promise.all([
    startPostgres(),
    startAnvil(31337),
    startAnvil(31338),
    startAnvil(31339),
  ])
  pool = testPool({ connectionString: postgres.url, max: 4 })
  ;[alphaMarket, betaMarket] = await Promise.all([deployMarket(alpha), deployMarket(beta)])
  feed = await deployFeed(beta)
  registry = await deployRegistry(beta)
  aggregator = await deployAggregator(beta)
  for (let at = 0; at < 3; at++) {
    await trade(alpha, alphaMarket, true, 10n ** 18n)
    await trade(beta, betaMarket, false, 10n ** 9n)
  }
  supervisor = ponderSupervisor(
    {
      root: join(repository, 'indexer'),
      databaseUrl: postgres.url,
      config: {
        chains: [
          { id: alpha.chainId, name: 'alpha', rpc: [alpha.url], pollingIntervalMs: 200 },
          { id: beta.chainId, name: 'beta', rpc: [beta.url], pollingIntervalMs: 200 },
          { id: idle.chainId, name: 'idle', rpc: [idle.url], pollingIntervalMs: 200 },
        ],
        contracts: indexedContracts(),
      },
      dir: directory,
      schemaPrefix: 'iyi',
      viewsSchema: 'iyi_index',
      port: await freePort(),
    },
    {
      clock,
      log,
      metrics,
      guard: { watch: (pid) => void watched.add(pid), release: (pid) => void watched.delete(pid) },
    },
  )
  reader = ponderIndexReader(
    { viewsSchema: 'iyi_index', headPollMs: 100 },
    { pool, chain: chainReader(), clock, log, metrics },
  )
  await reader.start()
}, 30_000)

afterAll(async () => {
  await supervisor?.stop(AbortSignal.timeout(6_000))
  await reader?.stop()
  await pool?.end()
  await Promise.all([alpha?.stop(), beta?.stop(), idle?.stop(), postgres?.stop()])
  await rm(directory, { recursive: true, force: true })
}, 20_000)

function anvils(): readonly (readonly [string, Anvil])[] {
  return [
    ['alpha', alpha],
    ['beta', beta],
    ['idle', idle],
  ]
}

function chainReader(): Pick<ChainReader, 'chains' | 'head' | 'finalized'> {
  const head = async (chainId: number) => {
    const found = anvils().find(([, { chainId: id }]) => id === chainId)
    if (found === undefined) throw new Error(`no chain ${chainId}`)
    const { number, hash, parentHash, timestamp } = await found[1].client.getBlock()
    return { number, hash, parentHash, timestamp: Number(timestamp) }
  }
  return {
    chains: () => anvils().map(([name, { chainId }]) => ({ id: chainId, name, confirmations: 2 })),
    head,
    finalized: head,
  }
}

/** Swaps of the chain itself, as `block:logIndex`. */
async function swapsOnChain({ client }: Anvil, market: Market): Promise<string[]> {
  const logs = await client.getLogs({ address: market.pool, event: swapEvent, fromBlock: 0n })
  return logs.map(({ blockHash, logIndex }) => `${blockHash}:${logIndex}`)
}

/** Indexed swaps up to `block`, from a snapshot that is complete up to there. */
async function swapsIndexed({ chainId }: Anvil, block: bigint): Promise<string[]> {
  const rows = await reader.select({
    table: 'event',
    where: [
      { column: 'chainId', op: '=', value: chainId },
      { column: 'name', op: '=', value: 'pool.Swap' },
      { column: 'blockNumber', op: '<=', value: block },
    ],
    orderBy: [
      { column: 'blockNumber', direction: 'asc' },
      { column: 'logIndex', direction: 'asc' },
    ],
    complete: { chainId, block },
  })
  return rows.map(({ blockHash, logIndex }) => `${blockHash}:${logIndex}`)
}

async function indexedUpToHead(anvil: Anvil): Promise<bigint> {
  const block = await anvil.client.getBlockNumber()
  await reader.waitFor(anvil.chainId, block, 10_000)
  return block
}

/** Reads without pause while `work` runs; fails when a snapshot that claims to be complete lacks a swap. */
async function neverLacking(
  anvil: Anvil,
  block: bigint,
  wanted: readonly string[],
  work: () => Promise<void>,
) {
  let running = true
  const sampling = (async () => {
    while (running) {
      try {
        expect(await swapsIndexed(anvil, block)).toEqual(wanted)
      } catch (error) {
        if (!(error instanceof Error && 'code' in error)) throw error
        expect(error.code).toMatch(/^INDEX_(BEHIND|UNAVAILABLE)$/)
      }
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  })()
  await work().finally(() => {
    running = false
  })
  await sampling
}

describe('Ponder under its supervisor, two chains with pools and one without contracts', () => {
  it('is unavailable before the first backfill has ended', async () => {
    await expect(reader.select({ table: 'event' })).rejects.toMatchObject({
      code: 'INDEX_UNAVAILABLE',
      retry: true,
    })
    expect((await reader.freshness()).map(({ indexed }) => indexed)).toEqual([null, null, null])
    expect(supervisor.health()).toMatchObject({ status: 'degraded' })
  })

  it('indexes what happened before and after its start', { timeout: 60_000 }, async () => {
    await supervisor.start()
    await until('the first backfill has ended', 50_000, async () =>
      (await reader.freshness()).every(({ indexed }) => indexed !== null),
    )
    await until('the supervisor knows', 5_000, async () => supervisor.health().status === 'ok')
    expect((await stat(join(directory, supervisor.schema, 'indexer.json'))).mode & 0o777).toBe(0o600)
    await trade(alpha, alphaMarket, false, 10n ** 9n)
    for (const [anvil, market] of [
      [alpha, alphaMarket],
      [beta, betaMarket],
    ] as const) {
      const block = await indexedUpToHead(anvil)
      expect(await swapsIndexed(anvil, block)).toEqual(await swapsOnChain(anvil, market))
      const [reserve0, reserve1] = await anvil.client.readContract({
        address: market.pool,
        abi: constantProductPoolAbi,
        functionName: 'getReserves',
      })
      const [row] = await reader.select({
        table: 'pool',
        where: [{ column: 'chainId', op: '=', value: anvil.chainId }],
      })
      expect(row).toMatchObject({
        address: market.pool.toLowerCase(),
        token0: market.token0.toLowerCase(),
        token1: market.token1.toLowerCase(),
        reserve0,
        reserve1,
        swapCount: anvil === alpha ? 4 : 3,
      })
      const bars = await reader.select({
        table: 'poolBar',
        where: [{ column: 'chainId', op: '=', value: anvil.chainId }],
        orderBy: [{ column: 'start', direction: 'desc' }],
      })
      expect(bars[0]?.close).toBe((reserve1 * 10n ** 18n) / reserve0)
      expect(bars.reduce((sum, { swapCount }) => sum + swapCount, 0)).toBe(row?.swapCount)
    }
  })

  it('indexes feeds and registries', async () => {
    const observedAt = await report(beta, feed, 1, 42n)
    await report(beta, feed, 2, 1_001n)
    await indexedUpToHead(beta)
    const rounds = await reader.select({
      table: 'feedRound',
      orderBy: [{ column: 'blockNumber', direction: 'asc' }],
    })
    const common = {
      feed: feed.address.toLowerCase(),
      configDigest: feed.digest,
      evidenceDigest,
      modelDigest,
      transmitter: feed.transmitters[3]?.toLowerCase(),
    }
    expect(rounds).toMatchObject([
      {
        ...common,
        roundId: 1n,
        answer: 42n,
        accepted: true,
        observationsTimestamp: observedAt,
        epochAndRound: 257n,
      },
      { ...common, roundId: 0n, answer: 1_001n, accepted: false, epochAndRound: 258n },
    ])
    expect(await reader.select({ table: 'validatorConfig' })).toMatchObject([
      {
        contract: feed.address.toLowerCase(),
        configDigest: feed.digest,
        configCount: 1n,
        signers: feed.keys.map(({ address }) => address.toLowerCase()),
        transmitters: feed.transmitters.map((address) => address.toLowerCase()),
        f: 1,
        offchainConfigVersion: 2n ** 64n - 1n,
        offchainConfig: '0xc0ffee',
      },
    ])
    expect(await reader.select({ table: 'model' })).toMatchObject([
      {
        registry: registry.toLowerCase(),
        modelId: 1n,
        name: 'Volatility',
        owner: account.address.toLowerCase(),
      },
    ])
    const versions = await reader.select({
      table: 'modelVersion',
      orderBy: [{ column: 'version', direction: 'asc' }],
    })
    expect(versions).toMatchObject([
      { modelId: 1n, version: 1, manifestDigest: modelDigest, uri: 'ipfs://1', active: false },
      { modelId: 1n, version: 2, manifestDigest: evidenceDigest, uri: 'ipfs://2', active: true },
    ])
    const events = await reader.select({
      table: 'event',
      where: [{ column: 'address', op: 'in', value: [feed.address, registry] }],
      orderBy: [
        { column: 'blockNumber', direction: 'asc' },
        { column: 'logIndex', direction: 'asc' },
      ],
    })
    expect(events.map(({ name }) => name)).toEqual([
      'quorum.ConfigSet',
      'registry.ModelRegistered',
      'registry.ModelVersionAdded',
      'registry.ModelVersionAdded',
      'registry.ModelVersionActiveSet',
      'registry.ModelOwnershipTransferStarted',
      'registry.ModelOwnershipTransferred',
      'feed.ReportTransmitted',
      'feed.AnswerOutOfRange',
    ])
    expect(events.at(-2)?.data).toMatchObject({ roundId: '1', answer: '42', epochAndRound: '257' })
  })

  it('indexes the rounds of an OCR2 aggregator as those of a feed', async () => {
    const configured = await configure(beta, aggregator)
    const evidence = [
      await transmitAnswer(beta, configured, 1, 41n),
      await transmitAnswer(beta, configured, 2, 42n),
    ]
    await indexedUpToHead(beta)
    const address = aggregator.toLowerCase() as Hex
    const rounds = await reader.select({
      table: 'feedRound',
      where: [{ column: 'feed', op: '=', value: address }],
      orderBy: [{ column: 'roundId', direction: 'asc' }],
    })
    const common = {
      accepted: true,
      configDigest: configured.digest,
      transmitter: account.address.toLowerCase(),
      modelDigest: zeroHash,
    }
    expect(rounds).toMatchObject([
      { ...common, roundId: 1n, answer: 41n, epochAndRound: 256n, evidenceDigest: evidence[0] },
      { ...common, roundId: 2n, answer: 42n, epochAndRound: 512n, evidenceDigest: evidence[1] },
    ])
    const events = await reader.select({
      table: 'event',
      where: [{ column: 'address', op: '=', value: address }],
      orderBy: [{ column: 'blockNumber', direction: 'asc' }],
    })
    expect(events.map(({ name }) => name)).toEqual([
      'quorum.ConfigSet',
      'ocr2.NewTransmission',
      'ocr2.NewTransmission',
    ])
    expect(events[1]?.data).toMatchObject({
      aggregatorRoundId: '1',
      observations: ['41', '41', '41', '41'],
      observers: '0x00010203',
    })
  })

  it('holds of every event what a provider of the chain says of it', async () => {
    const pools = chainPools(
      { chains: [alpha, beta].map(({ chainId, url }) => ({ id: chainId, rpc: [url] })), timeoutMs: 5_000 },
      { clock, log, metrics },
    )
    for (const anvil of [alpha, beta]) {
      const to = await indexedUpToHead(anvil)
      const events = auditedEvents(anvil.chainId, indexedContracts())
      const [witness] = pools.of(anvil.chainId)
      const logs = await witness?.logs({
        addresses: events.map(({ address }) => address),
        topics: events.map(({ topic }) => topic),
        at: { from: 0n, to },
      })
      const rows = await reader.select({
        table: 'event',
        where: [{ column: 'chainId', op: '=', value: anvil.chainId }],
      })
      expect(rows.length).toBeGreaterThan(3)
      expect(differences(logs ?? [], rows, events, argumentsOf)).toEqual([])
      expect(differences(logs?.slice(1) ?? [], rows, events, argumentsOf)).toMatchObject([{ chain: null }])
      expect((await reader.freshness())[0]?.build).toBe(supervisor.schema)
    }
    pools.stop()
  })

  it('has exactly the tables and columns of the port', async () => {
    for (const [table, columns] of Object.entries(indexTables)) {
      await reader.select({ table: table as TableName, limit: 1 })
      const { rows } = await pool.query<{ column_name: string }>(
        `SELECT column_name FROM information_schema.columns WHERE table_schema = 'iyi_index' AND table_name = $1`,
        [snakeCase(table)],
      )
      expect(rows.map(({ column_name }) => column_name).sort()).toEqual(
        Object.keys(columns).map(snakeCase).sort(),
      )
    }
  })

  it('advances over blocks without events, also where there is no contract', async () => {
    for (const [, anvil] of anvils()) {
      await anvil.client.mine({ blocks: 5 })
      await indexedUpToHead(anvil)
    }
    await until('head of every chain polled', 5_000, async () =>
      (await reader.freshness()).every(
        ({ lagBlocks, head, indexed }) => lagBlocks === 0 && head?.number === indexed?.number,
      ),
    )
    await until('lag gauge', 5_000, async () => metrics.values.get('iyi_index_lag_blocks{chain=idle}') === 0)
    const never = (await alpha.client.getBlockNumber()) + 100n
    await expect(reader.waitFor(alpha.chainId, never, 50)).rejects.toMatchObject({
      code: 'INDEX_BEHIND',
      retry: true,
    })
  })

  it('takes back what a reorganisation takes back, and never passes off less as complete', {
    timeout: 20_000,
  }, async () => {
    const before = await indexedUpToHead(alpha)
    const kept = await swapsOnChain(alpha, alphaMarket)
    await trade(alpha, alphaMarket, true, 10n ** 17n)
    await indexedUpToHead(alpha)
    // After alpha's trade, so that Ponder's revert of alpha takes rows of beta away too, for a while.
    const betaBlock = await trade(beta, betaMarket, true, 10n ** 17n)
    await indexedUpToHead(beta)
    const betaSwaps = await swapsOnChain(beta, betaMarket)
    await neverLacking(beta, betaBlock, betaSwaps, async () => {
      await alpha.client.request({ method: 'anvil_reorg', params: [2, []] } as never)
      expect(await swapsOnChain(alpha, alphaMarket)).toEqual(kept)
      await alpha.client.mine({ blocks: 1 })
      const head = await alpha.client.getBlockNumber()
      await until('the reorganised swap is gone', 10_000, async () => {
        const rows = await swapsIndexed(alpha, head).catch(() => null)
        return rows !== null && rows.length === kept.length
      })
      expect(await swapsIndexed(alpha, head)).toEqual(kept)
      expect(head).toBeGreaterThan(before)
    })
    expect(await swapsIndexed(beta, betaBlock)).toEqual(betaSwaps)
  })

  it('comes back after being killed, and leaves no process behind', { timeout: 60_000 }, async () => {
    const block = await indexedUpToHead(alpha)
    const swaps = await swapsOnChain(alpha, alphaMarket)
    const killed = supervisor.pid()
    if (killed === null) throw new Error('not running')
    expect(watched).toEqual(new Set([killed]))
    await neverLacking(alpha, block, swaps, async () => {
      process.kill(killed, 'SIGKILL')
      await trade(alpha, alphaMarket, true, 10n ** 16n)
      await until(
        'another child',
        10_000,
        async () => supervisor.pid() !== null && supervisor.pid() !== killed,
      )
      await until('the new trade', 45_000, async () => {
        const head = await alpha.client.getBlockNumber()
        return (await swapsIndexed(alpha, head).catch(() => [])).length === swaps.length + 1
      })
    })
    expect(groupMembers(killed)).toEqual([])
    const last = supervisor.pid()
    if (last === null) throw new Error('not running')
    await supervisor.stop(AbortSignal.timeout(6_000))
    expect(supervisor.pid()).toBeNull()
    expect(watched).toEqual(new Set())
    await until('no process of the group', 2_000, async () => groupMembers(last).length === 0)
    expect(JSON.stringify(log.lines)).not.toContain('p4ssw0rd')
  })
})
