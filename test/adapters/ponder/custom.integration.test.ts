import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import type { Abi } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { constantProductPoolAbi } from '../../../contracts/abi/ConstantProductPool.ts'
import { poolFactoryAbi } from '../../../contracts/abi/PoolFactory.ts'
import { testTokenAbi } from '../../../contracts/abi/TestToken.ts'
import { transferBurstAbi } from '../../../contracts/abi/TransferBurst.ts'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { customIndex } from '../../../node/adapters/ponder/custom-reader.ts'
import { pageStatement } from '../../../node/adapters/ponder/page-sql.ts'
import { type PonderSupervisor, ponderSupervisor } from '../../../node/adapters/ponder/supervisor.ts'
import { watchedContract } from '../../../node/decoding/watched-contract.ts'
import type { Hex } from '../../../node/ports/chain.ts'
import type { CustomQuery } from '../../../node/ports/custom-index.ts'
import { type AbiEvent, type CustomContract, customTables } from '../../../node/ports/custom-tables.ts'
import { indexShapes } from '../../../node/ports/index-shapes.ts'
import {
  type Anvil,
  account,
  deploy,
  freePort,
  type Postgres,
  repository,
  startAnvil,
  startPostgres,
  testPool,
  until,
} from './fixture.ts'
import { recordingLogger, recordingMetrics } from './recorders.ts'

const VIEWS = 'iyi_index'
const eventsOf = (abi: Abi): readonly AbiEvent[] =>
  abi.filter(({ type }) => type === 'event') as unknown as readonly AbiEvent[]

const allIndexed = (events: readonly AbiEvent[]): AbiEvent => {
  const transfer = events.find(({ name }) => name === 'Transfer')
  if (transfer === undefined) throw new Error('no Transfer')
  return { ...transfer, inputs: transfer.inputs.map((input) => ({ ...input, indexed: true })) }
}

const log = recordingLogger()
let postgres: Postgres
let pool: pg.Pool
let directory: string
let anvil: Anvil
let token: Hex
let other: Hex
let factory: Hex
let burst: Hex
let followed: Hex
let supervisor: PonderSupervisor
let contracts: readonly CustomContract[]

async function send(request: Parameters<Anvil['client']['writeContract']>[0]): Promise<bigint> {
  const hash = await anvil.client.writeContract(request)
  return (await anvil.client.waitForTransactionReceipt({ hash })).blockNumber
}

const transferred = (count: bigint, first = 1n) =>
  send({
    ...{ address: burst, abi: transferBurstAbi, functionName: 'burst', args: [token, first, count] },
    ...{ account, chain: null },
  })

async function makePool(): Promise<Hex> {
  const before = await anvil.client.getBlockNumber()
  await send({
    ...{ address: factory, abi: poolFactoryAbi, functionName: 'createPair', args: [token, other] },
    ...{ account, chain: null },
  })
  const [made] = await anvil.client.getContractEvents({
    ...{ address: factory, abi: poolFactoryAbi, eventName: 'PairCreated', fromBlock: before + 1n },
  })
  if (made?.args.pool === undefined) throw new Error('no pool')
  return made.args.pool
}

/** One approval of the pool's own shares: an event of a contract that the factory made. */
const approve = (of: Hex) =>
  send({
    ...{ address: of, abi: constantProductPoolAbi, functionName: 'approve', args: [account.address, 7n] },
    ...{ account, chain: null },
  })

/** Gives a pool liquidity, of which it tells in a `Sync`. */
async function deposit(into: Hex): Promise<void> {
  const mint = { abi: testTokenAbi, functionName: 'mint', args: [into, 1_000_000n], account, chain: null }
  await send({ address: token, ...mint })
  await send({ address: other, ...mint })
  await send({
    ...{ address: into, abi: constantProductPoolAbi, functionName: 'mint', args: [account.address] },
    ...{ account, chain: null },
  })
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'iyi-custom-'))
  ;[postgres, anvil] = await Promise.all([startPostgres(), startAnvil(31337)])
  pool = testPool({ connectionString: postgres.url, max: 4 })
  token = await deploy(anvil.client, 'TestToken', testTokenAbi, ['Wrapped A', 'A', 18])
  other = await deploy(anvil.client, 'TestToken', testTokenAbi, ['Dollar B', 'B', 6])
  factory = await deploy(anvil.client, 'PoolFactory', poolFactoryAbi, [])
  burst = await deploy(anvil.client, 'TransferBurst', transferBurstAbi, [])
  await transferred(20n)
  followed = await makePool()
  await approve(followed)
  const [event] = eventsOf(poolFactoryAbi)
  if (event === undefined) throw new Error('no event')
  contracts = [
    {
      ...{ name: 'token', chainId: anvil.chainId, startBlock: 0, events: eventsOf(testTokenAbi) },
      ...{ source: { addresses: [token] }, eventLog: true },
    },
    {
      ...{ name: 'pair', chainId: anvil.chainId, startBlock: 0 },
      events: eventsOf(constantProductPoolAbi).filter(({ name }) => ['Approval', 'Sync'].includes(name)),
      ...{ source: { factory: { address: factory, event, parameter: 'pool' } }, eventLog: true },
    },
    {
      // As ERC-721 has it: no log of this token fits.
      ...{
        name: 'misfit',
        chainId: anvil.chainId,
        startBlock: 0,
        events: [allIndexed(eventsOf(testTokenAbi))],
      },
      source: { addresses: [token] },
    },
  ]
  supervisor = ponderSupervisor(
    {
      root: join(repository, 'indexer'),
      databaseUrl: postgres.url,
      config: {
        chains: [{ id: anvil.chainId, name: 'anvil', rpc: [anvil.url], pollingIntervalMs: 100 }],
        contracts: [{ kind: 'pool', chainId: anvil.chainId, address: followed, startBlock: 0 }],
        custom: contracts,
      },
      ...{ dir: directory, schemaPrefix: 'iyi', viewsSchema: VIEWS, port: await freePort() },
    },
    {
      ...{ clock: systemClock, log, metrics: recordingMetrics() },
      guard: { watch: () => {}, release: () => {} },
    },
  )
}, 30_000)

afterAll(async () => {
  await supervisor?.stop(AbortSignal.timeout(6_000))
  await pool?.end()
  await Promise.all([anvil?.stop(), postgres?.stop()])
  await rm(directory, { recursive: true, force: true })
}, 20_000)

describe('contracts of an operator’s own', { timeout: 180_000 }, () => {
  const opened: { close(): Promise<void> }[] = []
  const reader = () => {
    const index = customIndex({
      viewsSchema: VIEWS,
      tables: contracts.flatMap(customTables),
      databaseUrl: postgres.url,
    })
    opened.push(index)
    return index
  }
  afterAll(async () => {
    for (const index of opened) await index.close()
  })
  const all = { where: {}, before: null, limit: 100 } as const
  const rowsOf = async (table: string, query: CustomQuery) => (await reader().rows(table, query)).rows

  it('wait for the build that has them', async () => {
    await expect(reader().rows('custom_token_transfer', all)).rejects.toMatchObject({
      code: 'INDEX_UNAVAILABLE',
      retry: true,
    })
  })

  it('become rows with typed columns, exactly those of the chain, of before and after the start', async () => {
    await supervisor.start()
    await until('the first build is live', 120_000, async () => supervisor.health().status === 'ok')
    await transferred(5n, 1_000n)
    await approve(await makePool())
    const logs = await anvil.client.getContractEvents({
      ...{ address: token, abi: testTokenAbi, eventName: 'Transfer', fromBlock: 0n },
    })
    await until(
      'all transfers',
      20_000,
      async () => (await rowsOf('custom_token_transfer', all)).length === logs.length,
    )
    const rows = await rowsOf('custom_token_transfer', all)
    expect(
      rows.map(({ blockNumber, logIndex, from, to, value }) => ({ blockNumber, logIndex, from, to, value })),
    ).toEqual(
      logs
        .map(({ blockNumber, logIndex, args: { from, to, value } }) => ({
          ...{ blockNumber, logIndex, value },
          from: from?.toLowerCase(),
          to: to?.toLowerCase(),
        }))
        .reverse(),
    )
  })

  it('lack exactly the logs that do not fit their ABI', async () => {
    expect(await rowsOf('custom_misfit_transfer', all)).toEqual([])
    for (const contract of contracts.filter(({ name }) => name !== 'pair')) {
      const watched = watchedContract(contract)
      const logs = await anvil.client.getContractEvents({ address: token, abi: testTokenAbi, fromBlock: 0n })
      const passedOver = logs.filter((entry) => watched.undecoded(entry) !== null)
      const rows = await Promise.all(customTables(contract).map(({ table }) => rowsOf(table, all)))
      const key = (entry: object) => `${Reflect.get(entry, 'blockNumber')} ${Reflect.get(entry, 'logIndex')}`
      const isFollowed = logs.filter(({ eventName }) =>
        contract.events.some(({ name }) => name === eventName),
      )
      expect([...rows.flat(), ...passedOver].map(key).sort()).toEqual(isFollowed.map(key).sort())
      expect(passedOver.length).toBe(contract.name === 'misfit' ? isFollowed.length : 0)
    }
  })

  it('have indexes, as our own tables do, that give a page of the newest without a sort', async () => {
    const shapes = indexShapes(contracts.flatMap(customTables))
    const asked = {
      poolSwap: ['chainId', 'pool'],
      poolSync: ['chainId', 'pool'],
      event: [],
      token_Transfer: [],
    }
    const client = await pool.connect()
    try {
      await client.query('SET enable_seqscan = off; SET enable_sort = off')
      for (const [name, by] of Object.entries(asked)) {
        const shape = shapes.find((each) => each.name === name)
        if (shape === undefined) throw new Error(`no table ${name}`)
        const { text, values } = pageStatement(VIEWS, shape, {
          ...{ columns: ['id'], orderBy: shape.order, direction: 'desc', limit: 10, after: [1, 5n, 0] },
          where: by.map((column) => ({ column, op: '=', value: column === 'chainId' ? 1 : '0xab' })),
        })
        const { rows } = await client.query({ text: `EXPLAIN ${text}`, values: [...values] })
        const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
        expect(plan, name).toMatch(/Index (Only )?Scan Backward/)
        // Above the limit it is the rows of one page that are put in order.
        expect(plan.slice(plan.indexOf('Limit')), name).toMatch(/^Limit/)
        expect(plan.slice(plan.indexOf('Limit')), name).not.toContain('Sort')
      }
    } finally {
      client.release(true)
    }
  })

  it('follow what a factory makes, also what it made since', async () => {
    const approvals = () => rowsOf('custom_pair_approval', all)
    await until('both', 20_000, async () => (await approvals()).length === 2)
    expect(new Set((await approvals()).map(({ address }) => address)).size).toBe(2)
    expect((await approvals()).map(({ value }) => value)).toEqual([7n, 7n])
  })

  it('are asked for by any column, page by page', async () => {
    const [row] = await rowsOf('custom_token_transfer', all)
    const mine = await rowsOf('custom_token_transfer', { ...all, where: { to: String(row?.to) } })
    expect(mine).toEqual([row])
    const first = await rowsOf('custom_token_transfer', { ...all, limit: 10 })
    const last = first.at(-1)
    if (last === undefined) throw new Error('no row')
    const before = {
      chainId: Number(last.chainId),
      blockNumber: BigInt(String(last.blockNumber)),
      logIndex: Number(last.logIndex),
    }
    const rest = await rowsOf('custom_token_transfer', { ...all, before })
    const ids = (await rowsOf('custom_token_transfer', all)).map(({ id }) => id)
    expect([...first, ...rest].map(({ id }) => id)).toEqual(ids)
    await expect(
      reader().rows('custom_token_transfer', { ...all, where: { nothing: 1 } }),
    ).rejects.toMatchObject({ code: 'INDEX_BAD_QUERY' })
    await expect(reader().rows('custom_nothing', all)).rejects.toMatchObject({ code: 'INDEX_BAD_QUERY' })
  })

  it('are told by the event log under their own names, but for what a plugin follows already', async () => {
    const unknown = await makePool()
    await deposit(followed)
    await deposit(unknown)
    const told = async () => {
      const { rows } = await pool.query(`select name, address, data from ${VIEWS}.event order by id`)
      return rows as readonly { name: string; address: string; data: Record<string, string> }[]
    }
    await until('the last event', 20_000, async () =>
      (await told()).some(
        ({ address, name }) => address === unknown.toLowerCase() && name === 'custom.pair.Sync',
      ),
    )
    const rows = await told()
    expect(
      rows.filter(({ name }) => name.endsWith('Sync')).map(({ name, address }) => [name, address]),
    ).toEqual([
      ['pool.Sync', followed.toLowerCase()],
      ['custom.pair.Sync', unknown.toLowerCase()],
    ])
    const logs = await anvil.client.getContractEvents({
      ...{ address: token, abi: testTokenAbi, eventName: 'Transfer', fromBlock: 0n },
    })
    expect(rows.filter(({ name }) => name === 'custom.token.Transfer').map(({ data }) => data)).toEqual(
      logs.map(({ args: { from, to, value } }) => ({
        from: from?.toLowerCase(),
        ...{ to: to?.toLowerCase(), value: value?.toString() },
      })),
    )
    expect((await rowsOf('custom_pair_sync', all)).length).toBe(2)
  })
})
