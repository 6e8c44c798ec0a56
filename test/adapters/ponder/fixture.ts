import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { type Abi, createTestClient, type Hex, http, publicActions, walletActions } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { anvil as anvilChain } from 'viem/chains'
import { constantProductPoolAbi } from '../../../contracts/abi/ConstantProductPool.ts'
import { poolTraderAbi } from '../../../contracts/abi/PoolTrader.ts'
import { testTokenAbi } from '../../../contracts/abi/TestToken.ts'
import { startEmbeddedPostgres } from '../../../node/adapters/postgres/embedded.ts'
import type { Logger } from '../../../node/ports/log.ts'

const require = createRequire(import.meta.url)
export const repository = fileURLToPath(new URL('../../../', import.meta.url))
// Anvil's first well-known development account.
export const account = privateKeyToAccount(
  '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
)

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Polls until `probe` gives a value other than undefined/false; fails at the deadline. */
export async function until<T>(
  what: string,
  timeoutMs: number,
  probe: () => Promise<T | undefined | false>,
): Promise<T> {
  const end = performance.now() + timeoutMs
  for (;;) {
    const value = await probe()
    if (value !== undefined && value !== false) return value
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

export interface Postgres {
  readonly url: string
  stop(): Promise<void>
}

const silentLog: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLog }

/** A real PostgreSQL of its own, with an empty database: as the node itself starts one. */
export async function startPostgres(): Promise<Postgres> {
  const directory = await mkdtemp(join(tmpdir(), 'iyi-pg-'))
  const server = await startEmbeddedPostgres(
    { dataDir: join(directory, 'data'), port: await freePort() },
    { guard: { watch: () => {}, release: () => {} }, log: silentLog },
  )
  return {
    url: server.url,
    async stop() {
      await server.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** A pool that outlives its server without a fuss: who stops PostgreSQL cuts connections that are just closing. */
export function testPool(config: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool(config)
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

function anvilClient(url: string) {
  return createTestClient({
    account,
    chain: anvilChain,
    mode: 'anvil',
    transport: http(url, { retryCount: 0 }),
    pollingInterval: 20,
    // A block number is never an old one.
    cacheTime: 0,
  })
    .extend(publicActions)
    .extend(walletActions)
}

export interface Anvil {
  readonly chainId: number
  readonly url: string
  readonly client: ReturnType<typeof anvilClient>
  stop(): Promise<void>
}

/** A real Anvil that mines a block a transaction; further blocks on demand, or every `blockTime` seconds. */
export async function startAnvil(chainId: number, blockTime?: number): Promise<Anvil> {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  const binary = require.resolve(`@foundry-rs/anvil-${process.platform}-${arch}/bin/anvil`)
  const port = await freePort()
  const child = spawn(
    binary,
    [
      '--port',
      `${port}`,
      '--chain-id',
      `${chainId}`,
      '--silent',
      ...(blockTime ? ['--block-time', `${blockTime}`] : []),
    ],
    { stdio: 'ignore' },
  )
  // A set-up that fails beside this chain leaves nobody to stop it.
  const end = () => child.kill()
  process.once('exit', end)
  child.once('exit', () => process.off('exit', end))
  const url = `http://127.0.0.1:${port}`
  const client = anvilClient(url)
  await until('Anvil answers', 10_000, () =>
    client.getBlockNumber().then(
      () => true,
      () => false,
    ),
  )
  return { chainId, url, client, stop: () => ended(child) }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

export interface Market {
  readonly pool: Hex
  readonly trader: Hex
  readonly token0: Hex
  readonly token1: Hex
  readonly startBlock: number
}

/** A pool of two test tokens with liquidity, and a trader for it. */
export async function deployMarket({ client }: Anvil): Promise<Market> {
  const startBlock = Number(await client.getBlockNumber()) + 1
  const tokenA = await deploy(client, 'TestToken', testTokenAbi, ['Wrapped A', 'A', 18])
  const tokenB = await deploy(client, 'TestToken', testTokenAbi, ['Dollar B', 'B', 6])
  const pool = await deploy(client, 'ConstantProductPool', constantProductPoolAbi, [tokenA, tokenB])
  const trader = await deploy(client, 'PoolTrader', poolTraderAbi, [])
  const write = async (request: Parameters<typeof client.writeContract>[0]) =>
    client.waitForTransactionReceipt({ hash: await client.writeContract(request) })
  for (const [token, amount] of [
    [tokenA, 10n ** 21n],
    [tokenB, 2n * 10n ** 12n],
  ] as const) {
    await write({
      address: token,
      abi: testTokenAbi,
      functionName: 'mint',
      args: [pool, amount],
      account,
      chain: null,
    })
  }
  await write({
    address: pool,
    abi: constantProductPoolAbi,
    functionName: 'mint',
    args: [account.address],
    account,
    chain: null,
  })
  const read = (functionName: 'token0' | 'token1') =>
    client.readContract({ address: pool, abi: constantProductPoolAbi, functionName })
  return { pool, trader, token0: await read('token0'), token1: await read('token1'), startBlock }
}

/** Sells `amountIn` of token0 or token1. Resolves with the block of the trade. */
export async function trade(
  { client }: Anvil,
  market: Market,
  zeroForOne: boolean,
  amountIn: bigint,
): Promise<bigint> {
  const hash = await client.writeContract({
    address: market.trader,
    abi: poolTraderAbi,
    functionName: 'trade',
    args: [market.pool, zeroForOne, amountIn],
    account,
    chain: null,
    gas: 1_000_000n,
  })
  return (await client.waitForTransactionReceipt({ hash })).blockNumber
}

/** Deploys a contract of `contracts/<room>/<name>.sol` from its artifact. */
export async function deploy(
  client: Anvil['client'],
  name: string,
  abi: Abi,
  args: readonly unknown[],
  room = 'mocks',
): Promise<Hex> {
  const path = join(repository, 'artifacts/contracts', room, `${name}.sol`, `${name}.json`)
  const { bytecode } = JSON.parse(await readFile(path, 'utf8')) as { bytecode: Hex }
  const hash = await client.deployContract({ abi, bytecode, args, account, chain: null })
  const { contractAddress } = await client.waitForTransactionReceipt({ hash })
  if (contractAddress === null || contractAddress === undefined) throw new Error(`${name} was not deployed`)
  return contractAddress
}

/** Live processes of a process group (Linux). */
export function groupMembers(group: number): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      const [state, , pgrp] = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ')
      return Number(pgrp) === group && state !== 'Z'
    } catch {
      return false
    }
  })
}
