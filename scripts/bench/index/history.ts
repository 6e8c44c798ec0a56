import { encodeFunctionData, type Hex, parseEventLogs, toHex } from 'viem'
import { poolFactoryAbi } from '../../../contracts/abi/PoolFactory.ts'
import { testTokenAbi } from '../../../contracts/abi/TestToken.ts'
import { transferBurstAbi } from '../../../contracts/abi/TransferBurst.ts'
import { type Anvil, account, deploy } from '../../../test/adapters/ponder/fixture.ts'

/** Where transfers are: in one token, or in whatever a factory made. */
export interface History {
  readonly source: { readonly token: Hex } | { readonly factory: Hex }
  /** Transfers in the chain. */
  readonly events: number
}

export interface Token {
  readonly token: Hex
  readonly burst: Hex
}

/** Contracts that make transfers in bursts. */
export async function deployToken({ client }: Anvil): Promise<Token> {
  const token = await deploy(client, 'TestToken', testTokenAbi, ['Bench', 'B', 18])
  return { token, burst: await deploy(client, 'TransferBurst', transferBurstAbi, []) }
}

/** Who receives: Anvil copies the whole state with every block, so it must not grow. */
const ACCOUNTS = 1_000

/** A token with `events` transfers, `perBlock` in every block; the first of each block is a mint. */
export async function tokenHistory(anvil: Anvil, events: number, perBlock: number): Promise<History> {
  const token = await deployToken(anvil)
  const blocks = Math.ceil(events / perBlock)
  await send(
    anvil,
    Array.from({ length: blocks }, (_, i) => burstOf(token, perBlock - 1, 1 + ((i * perBlock) % ACCOUNTS))),
  )
  return { source: token, events: blocks * perBlock }
}

/** Pools of one factory, and transfers of nothing of their shares, one in every block. */
export async function poolsHistory(anvil: Anvil, pools: number, events: number): Promise<History> {
  const { client } = anvil
  const factory = await deploy(client, 'PoolFactory', poolFactoryAbi, [])
  const made: Hex[] = []
  for (let i = 0; i < pools; i++) {
    const functionName = 'createPair'
    const args = [toHex(i + 1, { size: 20 }), toHex(2 ** 32 + i, { size: 20 })] as const
    const hash = await client.writeContract({
      ...{ address: factory, abi: poolFactoryAbi, functionName, args, account, chain: null },
    })
    const { logs } = await client.waitForTransactionReceipt({ hash })
    for (const log of parseEventLogs({ abi: poolFactoryAbi, logs, eventName: 'PairCreated' }))
      made.push(log.args.pool)
  }
  await send(
    anvil,
    Array.from({ length: events }, (_, i) => ({
      to: made[i % made.length] as Hex,
      data: encodeFunctionData({
        ...{ abi: testTokenAbi, functionName: 'transfer', args: [toHex(i + 1, { size: 20 }), 0n] },
      }),
    })),
  )
  return { source: { factory }, events }
}

/** `count` transfers, after a mint, in a block of their own. Resolves with its number. */
export function transfers(anvil: Anvil, token: Token, count: number, first: number): Promise<bigint> {
  return send(anvil, [burstOf(token, count, first)])
}

interface Call {
  readonly to: Hex
  readonly data: Hex
}

function burstOf({ token, burst }: Token, count: number, first: number): Call {
  const args = [token, BigInt(first), BigInt(count)] as const
  return { to: burst, data: encodeFunctionData({ abi: transferBurstAbi, functionName: 'burst', args }) }
}

/** How many transactions may wait: Anvil slows down with the length of its queue. */
const QUEUED = 8

/** Sends them one after another; Anvil mines a block for each. Resolves with the block of the last. */
async function send({ client }: Anvil, calls: readonly Call[]): Promise<bigint> {
  let block = 0n
  for (const [at, call] of calls.entries()) {
    const hash = await client.request({
      method: 'eth_sendTransaction',
      params: [{ ...call, from: account.address, gas: toHex(29_000_000) }],
    } as never)
    if (at % QUEUED === QUEUED - 1 || at === calls.length - 1) block = await minedIn(client, hash)
  }
  return block
}

/** Looks that an Anvil gets to mine what waits; now and then it forgets the last of several transactions. */
const LOOKS = 200

/** Looks again and again: viem waits for the next block, and after the last of a history there comes none. */
async function minedIn(client: Anvil['client'], hash: Hex): Promise<bigint> {
  for (let look = 1; ; look++) {
    const receipt = await client.getTransactionReceipt({ hash }).catch(() => null)
    if (receipt !== null) return receipt.blockNumber
    if (look % LOOKS === 0) await client.mine({ blocks: 1 })
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}
