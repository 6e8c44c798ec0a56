import { encodeFunctionData, type Hex, numberToHex } from 'viem'
import { testTokenAbi } from '../../../contracts/abi/TestToken.ts'
import { transferBurstAbi } from '../../../contracts/abi/TransferBurst.ts'
import type { Transfer } from '../../../node/features/transfer.ts'
import { type Anvil, deploy } from '../../adapters/ponder/fixture.ts'

/** A transfer as the chain's own log has it. */
export interface LoggedTransfer extends Transfer {
  readonly transactionHash: Hex
  readonly blockHash: Hex
}

/** Gas that a transfer never needs. */
const ONE = numberToHex(200_000)

const lower = (hex: Hex) => hex.toLowerCase() as Hex

/** A chain with tokens, and accounts that send them in blocks of a chosen time. */
export async function tokenChain(anvil: Anvil) {
  const { client } = anvil
  const request = (method: string, ...params: unknown[]) =>
    client.request({ method, params } as never) as Promise<unknown>
  const accounts = ((await request('eth_accounts')) as Hex[]).map(lower)
  const tokens = [
    lower(await deploy(client, 'TestToken', testTokenAbi, ['Coin', 'C', 6])),
    lower(await deploy(client, 'TestToken', testTokenAbi, ['Wrapped', 'W', 18])),
  ] as const
  const burst = await deploy(client, 'TransferBurst', transferBurstAbi, [])
  const account = (index: number) => accounts[index % accounts.length] as Hex

  return {
    ...{ tokens, burst: lower(burst), account, request },
    async head() {
      const { number, hash, timestamp } = await client.getBlock()
      return { number, hash, timestamp: Number(timestamp) }
    },
    /** All of these in one block, `seconds` after the one before. */
    async block(seconds: number, ...calls: readonly Call[]): Promise<void> {
      const { timestamp } = await client.getBlock()
      await request('evm_setAutomine', false)
      for (const call of calls) await request('eth_sendTransaction', call)
      await request('evm_setNextBlockTimestamp', numberToHex(timestamp + BigInt(seconds)))
      await request('evm_mine')
      await request('evm_setAutomine', true)
    },
    mint: (token: Hex, to: number, amount: bigint): Call => ({
      ...{ from: account(0), to: token, gas: ONE },
      data: encodeFunctionData({ abi: testTokenAbi, functionName: 'mint', args: [account(to), amount] }),
    }),
    send: (token: Hex, from: number, to: number, amount: bigint): Call => ({
      ...{ from: account(from), to: token, gas: ONE },
      data: encodeFunctionData({ abi: testTokenAbi, functionName: 'transfer', args: [account(to), amount] }),
    }),
    /** So many transfers of one transaction. */
    crowd: (token: Hex, count: number): Call => ({
      ...{ from: account(0), to: burst, gas: numberToHex(50_000 * (count + 2)) },
      data: encodeFunctionData({
        abi: transferBurstAbi,
        functionName: 'burst',
        args: [token, 1_000n, BigInt(count)],
      }),
    }),
    /** What the chain says now, in its order. */
    async transfers(token: Hex): Promise<readonly LoggedTransfer[]> {
      const logs = await client.getContractEvents({
        ...{ address: token, abi: testTokenAbi, eventName: 'Transfer', fromBlock: 0n, strict: true },
      })
      const times = new Map<bigint, number>()
      for (const number of new Set(logs.map(({ blockNumber }) => blockNumber)))
        times.set(number, Number((await client.getBlock({ blockNumber: number })).timestamp))
      return logs.map(({ blockNumber, blockHash, logIndex, transactionHash, args }) => ({
        ...{ block: blockNumber, blockHash, logIndex, transactionHash, token },
        ...{ timestamp: times.get(blockNumber) ?? Number.NaN, value: args.value },
        ...{ from: lower(args.from), to: lower(args.to) },
      }))
    },
  }
}

interface Call {
  readonly from: Hex
  readonly to: Hex
  readonly data: Hex
  readonly gas: Hex
}
