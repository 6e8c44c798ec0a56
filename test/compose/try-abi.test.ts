import { afterAll, beforeAll, expect, it } from 'vitest'
import { testTokenAbi } from '../../contracts/abi/TestToken.ts'
import { transferBurstAbi } from '../../contracts/abi/TransferBurst.ts'
import { tryAbi } from '../../node/compose/try-abi.ts'
import type { NodeConfig } from '../../node/config/schema.ts'
import type { Hex } from '../../node/ports/chain.ts'
import type { AbiEvent, CustomContract } from '../../node/ports/custom-tables.ts'
import { type Anvil, account, deploy, startAnvil } from '../adapters/ponder/fixture.ts'

let anvil: Anvil
let token: Hex
const transfer = testTokenAbi.find(
  (entry) => entry.type === 'event' && entry.name === 'Transfer',
) as unknown as AbiEvent

beforeAll(async () => {
  anvil = await startAnvil(31337)
  token = await deploy(anvil.client, 'TestToken', testTokenAbi, ['Wrapped A', 'A', 18])
  const burst = await deploy(anvil.client, 'TransferBurst', transferBurstAbi, [])
  const hash = await anvil.client.writeContract({
    ...{ address: burst, abi: transferBurstAbi, functionName: 'burst', args: [token, 1n, 4n] },
    ...{ account, chain: null },
  })
  await anvil.client.waitForTransactionReceipt({ hash })
}, 20_000)
afterAll(() => anvil?.stop())

const contract = (indexed: number): CustomContract => ({
  ...{ name: 'token', chainId: 31337, startBlock: 0, source: { addresses: [token] } },
  events: [
    { ...transfer, inputs: transfer.inputs.map((input, at) => ({ ...input, indexed: at < indexed })) },
  ],
})
const config = (url: string) =>
  ({ chains: [{ id: 31337, name: 'anvil', confirmations: 1, rpc: [url] }] }) as unknown as NodeConfig

it('tells how the newest logs fit, and nothing where nobody answers', async () => {
  expect(await tryAbi(config(anvil.url), contract(2))).toEqual({
    ...{ logs: 5, misfits: 0, first: null },
    codeless: [],
  })
  expect(await tryAbi(config(anvil.url), contract(3))).toMatchObject({
    logs: 5,
    misfits: 5,
    first: { event: 'Transfer' },
  })
  expect(await tryAbi(config('http://127.0.0.1:1'), contract(2))).toBeNull()
  const nobody = `0x${'aa'.repeat(20)}` as const
  expect(await tryAbi(config(anvil.url), { ...contract(2), source: { addresses: [nobody] } })).toMatchObject({
    logs: 0,
    codeless: [nobody],
  })
})
