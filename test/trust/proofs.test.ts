import fc from 'fast-check'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { systemClock } from '../../node/adapters/clock/system.ts'
import { chainPools } from '../../node/adapters/viem/pools.ts'
import type { Hex } from '../../node/ports/chain.ts'
import type { Witness, WitnessedReceipt } from '../../node/ports/witness.ts'
import { isHeaderProven } from '../../node/trust/header-hash.ts'
import { mayHold } from '../../node/trust/log-bloom.ts'
import { logsOfReceipts } from '../../node/trust/proven-logs.ts'
import { encodeReceipt, receiptsRoot } from '../../node/trust/receipts-root.ts'
import { silent, TestMetrics } from '../adapters/libp2p/kit.ts'
import { ACCOUNTS, type Anvil, anvil, CHAIN_ID, CODE } from '../adapters/viem/kit.ts'
import { lyingRpc, noReceipts } from './lying-rpc.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 })

const LOGGER = '0x00000000000000000000000000000000000000c2'
const REVERTER = '0x00000000000000000000000000000000000000c1'
const TOPIC: Hex = `0x${'2a'.padStart(64, '0')}`

let chain: Anvil
beforeAll(async () => {
  chain = await anvil()
  await chain.rpc('anvil_setCode', LOGGER, CODE.log)
  await chain.rpc('anvil_setCode', REVERTER, CODE.revert)
  await chain.rpc('evm_setAutomine', false)
})
afterAll(() => chain.stop())

function witnessOf(url: string): Witness {
  const pools = chainPools(
    { chains: [{ id: CHAIN_ID, rpc: [url] }], timeoutMs: 5_000 },
    { clock: systemClock, log: silent, metrics: new TestMetrics() },
  )
  const [witness] = pools.of(CHAIN_ID)
  if (witness === undefined) throw new TypeError('no witness')
  return witness
}

const transaction = fc.record({
  data: fc.uint8Array({ maxLength: 300 }).map((bytes): Hex => `0x${Buffer.from(bytes).toString('hex')}`),
  to: fc.constantFrom(LOGGER, REVERTER, ACCOUNTS[1]),
  /** Legacy, EIP-2930, EIP-1559. */
  type: fc.constantFrom('0x0', '0x1', '0x2'),
})

it('the trie of a block of Anvil has the root in its header, and the header hashes to its hash', async () => {
  const witness = witnessOf(chain.url)
  await fc.assert(
    fc.asyncProperty(fc.array(transaction, { maxLength: 140 }), async (transactions) => {
      for (const { data, to, type } of transactions) {
        const fee = type === '0x2' ? { maxFeePerGas: '0x77359400' } : { gasPrice: '0x77359400' }
        const list = type === '0x0' ? {} : { accessList: [] }
        const request = { from: ACCOUNTS[0], to, data, type, gas: '0x20000', ...fee, ...list }
        await chain.rpc('eth_sendTransaction', request)
      }
      await chain.rpc('anvil_mine', '0x1')
      const header = await witness.header(await witness.head())
      if (header === null) throw new TypeError('no header')
      expect(isHeaderProven(header)).toBe(true)
      const receipts = await witness.receipts(header.hash)
      expect(await receiptsRoot(receipts)).toBe(header.receiptsRoot)
      const scope = { addresses: [LOGGER] as const, topics: [TOPIC] }
      const logs = await witness.logs({ ...scope, at: { hash: header.hash } })
      expect(logsOfReceipts(header, receipts, scope)).toEqual(logs)
      if (logs.length > 0) expect(mayHold(header.logsBloom, scope.addresses, scope.topics)).toBe(true)
      else expect(mayHold(header.logsBloom, scope.addresses, scope.topics)).toBe(false)
    }),
    {
      numRuns: 12,
      seed: 7,
      examples: [
        [[]],
        [Array.from({ length: 130 }, () => ({ data: '0x01', to: LOGGER, type: '0x2' }) as const)],
      ],
    },
  )
})

it('any change of a receipt or of a header shows', async () => {
  const witness = witnessOf(chain.url)
  for (const data of ['0x01', '0x02'])
    await chain.rpc('eth_sendTransaction', { from: ACCOUNTS[0], to: LOGGER, data })
  await chain.rpc('anvil_mine', '0x1')
  const header = await witness.header(await witness.head())
  if (header === null) throw new TypeError('no header')
  const receipts = await witness.receipts(header.hash)
  const [first, second] = receipts
  if (first === undefined || second === undefined) throw new TypeError('no receipts')
  const changed = (changes: Partial<WitnessedReceipt>) => [{ ...first, ...changes }, second]
  const others: (readonly WitnessedReceipt[])[] = [
    [],
    [first],
    [second, first],
    [first, second, second],
    changed({ logs: [] }),
    changed({ logs: first.logs.map((log) => ({ ...log, data: '0x03' })) }),
    changed({ logs: first.logs.map((log) => ({ ...log, topics: [] })) }),
    changed({ fields: { ...first.fields, status: '0x0' } }),
    changed({ fields: { ...first.fields, type: '0x1' } }),
    changed({ fields: { ...first.fields, cumulativeGasUsed: '0x1' } }),
  ]
  for (const other of others) expect(await receiptsRoot(other)).not.toBe(header.receiptsRoot)
  const other: Hex = `0x${'12'.repeat(32)}`
  expect(isHeaderProven({ ...header, receiptsRoot: other })).toBe(false)
  expect(isHeaderProven({ ...header, number: header.number + 1n })).toBe(false)
  for (const name of ['parentHash', 'receiptsRoot', 'stateRoot', 'timestamp', 'extraData', 'baseFeePerGas'])
    expect(isHeaderProven({ ...header, fields: { ...header.fields, [name]: other } })).toBe(false)
})

it('reads receipts one by one from a provider that does not give them by block', async () => {
  await chain.rpc('eth_sendTransaction', { from: ACCOUNTS[0], to: LOGGER, data: '0x05' })
  await chain.rpc('anvil_mine', '0x1')
  const old = await lyingRpc(chain)
  old.lie((call) => (call.method === 'eth_getBlockReceipts' ? noReceipts(call) : call.truth()))
  const [whole, single] = [witnessOf(chain.url), witnessOf(old.url)]
  const header = await whole.header(await whole.head())
  expect(await single.receipts(header?.hash ?? '0x')).toEqual(await whole.receipts(header?.hash ?? '0x'))
  await old.stop()
})

it('encodes a deposit of the OP stack with its nonce once it has a version', () => {
  const fields = {
    type: '0x7e',
    status: '0x1',
    cumulativeGasUsed: '0xb5f5',
    logsBloom: '0x00',
    depositNonce: '0x1',
  } as const
  const receipt = { transactionHash: TOPIC, transactionIndex: 0, logs: [] }
  const bare = encodeReceipt({ ...receipt, fields })
  const versioned = encodeReceipt({ ...receipt, fields: { ...fields, depositReceiptVersion: '0x1' } })
  expect(bare).toBe('0x7ec60182b5f500c0')
  expect(versioned).toBe('0x7ec80182b5f500c00101')
})
