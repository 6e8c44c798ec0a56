import { inspect } from 'node:util'
import { encodeErrorResult, getAddress, type Hex, numberToHex, parseAbi, parseEther, parseGwei } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { viemChainReader } from '../../../node/adapters/viem/chain-reader.ts'
import {
  type ViemTxSender,
  type ViemTxSenderOptions,
  viemTxSender,
} from '../../../node/adapters/viem/tx-sender.ts'
import type { Logger } from '../../../node/ports/log.ts'
import { silent, TestMetrics, until } from '../libp2p/kit.ts'
import { ACCOUNTS, type Anvil, anvil, CHAIN_ID, CODE, fakeRpc, freePort, HANDLED, KEYS } from './kit.ts'

// Real sockets and processes: a loaded machine may take its time.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

const LOGGER = getAddress('0x00000000000000000000000000000000000000d0')
const REVERTER = getAddress('0x00000000000000000000000000000000000000d1')
const FUSE = getAddress('0x00000000000000000000000000000000000000d2')
const SENDER = ACCOUNTS[0] ?? '0x'
const KEY = KEYS[0] ?? '0x'
const account = privateKeyToAccount(KEY)

let chain: Anvil
const cleanups: (() => unknown)[] = []

beforeEach(async () => {
  chain = await anvil()
  await setCode(chain)
})
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
  await chain.stop()
})

async function setCode(on: Anvil): Promise<void> {
  await on.rpc('anvil_setCode', LOGGER, CODE.log)
  await on.rpc('anvil_setCode', REVERTER, CODE.revert)
  await on.rpc('anvil_setCode', FUSE, CODE.fuse)
}

function senderOf(options: Partial<ViemTxSenderOptions> & { rpc?: readonly string[]; log?: Logger } = {}): {
  sender: ViemTxSender
  metrics: TestMetrics
} {
  const { rpc = [chain.url], log = silent, ...rest } = options
  const metrics = new TestMetrics()
  const modules = { clock: systemClock, log, metrics }
  const reader = viemChainReader(
    { chains: [{ id: CHAIN_ID, name: 'test', confirmations: 0, rpc }], timeoutMs: 2_000 },
    modules,
  )
  const sender = viemTxSender(
    {
      chains: [{ id: CHAIN_ID, rpc }],
      privateKey: KEY,
      receiptTimeoutMs: 15_000,
      bumpAfterMs: 300,
      pollMs: 20,
      timeoutMs: 2_000,
      ...rest,
    },
    { ...modules, reader },
  )
  cleanups.push(
    () => sender.stop(),
    () => reader.stop(),
  )
  return { sender, metrics }
}

let keys = 0
function request(to: Hex = LOGGER, data: Hex = '0xbeef', value?: bigint) {
  return { chainId: CHAIN_ID, to, data, key: `key ${keys++}`, ...(value === undefined ? {} : { value }) }
}

async function nonceOf(hash: Hex): Promise<number> {
  const tx = await chain.rpc<{ nonce: Hex }>('eth_getTransactionByHash', hash)
  return Number(tx.nonce)
}

async function pending(): Promise<{ nonce: number; maxFeePerGas: bigint; hash: Hex }[]> {
  const pool = await chain.rpc<{ pending: Record<string, Record<string, { maxFeePerGas: Hex; hash: Hex }>> }>(
    'txpool_content',
  )
  const own = Object.entries(pool.pending).find(([address]) => address.toLowerCase() === SENDER.toLowerCase())
  return Object.entries(own?.[1] ?? {}).map(([nonce, tx]) => ({
    nonce: Number(nonce),
    maxFeePerGas: BigInt(tx.maxFeePerGas),
    hash: tx.hash,
  }))
}

describe('viemTxSender', () => {
  it('sends and answers with the receipt', async () => {
    const { sender, metrics } = senderOf()
    await sender.start()
    expect(sender.address).toBe(SENDER)
    const receipt = await sender.send(request(ACCOUNTS[1], '0x', parseEther('1')))
    expect(receipt).toMatchObject({ status: 'success', blockNumber: 1n, gasUsed: 21_000n })
    await until('the balance is known', () => metrics.sum('iyi_transmitter_balance_wei') > 1e18)
    expect(metrics.sum('iyi_transmitter_transactions_total', { outcome: 'success' })).toBe(1)
    expect(sender.health()).toEqual({ status: 'ok' })
  })

  it('gives a transaction the least gas that it asks for, where its estimate is lower', async () => {
    const { sender } = senderOf()
    const gasOf = async (leastGas: bigint, key: string) => {
      const { hash } = await sender.send({ chainId: CHAIN_ID, to: LOGGER, data: '0x', key, leastGas })
      const { gas } = (await chain.rpc('eth_getTransactionByHash', hash)) as { gas: Hex }
      return BigInt(gas)
    }
    expect(await gasOf(1_234_567n, 'much')).toBe(1_234_567n)
    expect(await gasOf(1n, 'little')).toBeGreaterThan(21_000n)
  })

  it('sends twenty at once under nonces without a gap', async () => {
    const { sender, metrics } = senderOf()
    const receipts = await Promise.all(Array.from({ length: 20 }, () => sender.send(request())))
    const nonces = await Promise.all(receipts.map((receipt) => nonceOf(receipt.hash)))
    expect(nonces.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n))
    expect(new Set(receipts.map((receipt) => receipt.hash)).size).toBe(20)
    expect(metrics.sum('iyi_transmitter_in_flight_transactions')).toBe(0)
    expect(metrics.sum('iyi_transmitter_pending_nonce')).toBe(19)
  })

  it('joins sends of one key, in flight and mined', async () => {
    const { sender } = senderOf()
    const one = request()
    const [a, b] = await Promise.all([sender.send(one), sender.send(one)])
    const c = await sender.send({ ...one, data: '0x01' })
    expect([b.hash, c.hash]).toEqual([a.hash, a.hash])
    expect(await chain.rpc('eth_getTransactionCount', SENDER, 'latest')).toBe('0x1')
  })

  it('tells a revert before it spends, and lets the key be sent again', async () => {
    const { sender } = senderOf()
    const data = encodeErrorResult({ abi: parseAbi(['error Error(string)']), args: ['stale report'] })
    const bad = request(REVERTER, data)
    await expect(sender.send(bad)).rejects.toMatchObject({
      code: 'CHAIN_TX_REVERTED',
      retry: false,
      data: { chainId: CHAIN_ID, key: bad.key, reason: 'stale report', data },
    })
    expect(await chain.rpc('eth_getTransactionCount', SENDER, 'pending')).toBe('0x0')
    expect(await sender.send({ ...bad, to: LOGGER })).toMatchObject({ status: 'success' })
  })

  it('tells a revert that happened on-chain', async () => {
    await chain.rpc('evm_setAutomine', false)
    const { sender, metrics } = senderOf({ bumpAfterMs: 60_000 })
    const sending = sender.send(request(FUSE)).catch((reason: unknown) => reason)
    await until('it is in flight', () => metrics.sum('iyi_transmitter_in_flight_transactions') === 1)
    await chain.rpc('anvil_setStorageAt', FUSE, numberToHex(0, { size: 32 }), numberToHex(1, { size: 32 }))
    await chain.rpc('evm_mine')
    expect(await sending).toMatchObject({
      code: 'CHAIN_TX_REVERTED',
      data: { hash: expect.stringMatching(/^0x/) },
    })
    expect(metrics.sum('iyi_transmitter_transactions_total', { outcome: 'reverted' })).toBe(1)
  })

  it('names the account to fund when it cannot pay', async () => {
    const { sender } = senderOf()
    await chain.rpc('anvil_setBalance', SENDER, '0x1')
    await expect(sender.send(request())).rejects.toMatchObject({ code: 'CHAIN_INSUFFICIENT_FUNDS' })
    await expect(sender.send(request(ACCOUNTS[1], '0x', parseEther('5')))).rejects.toMatchObject({
      code: 'CHAIN_INSUFFICIENT_FUNDS',
      message: expect.stringContaining(SENDER),
    })
    await chain.rpc('anvil_setBalance', SENDER, '0x0')
    await sender.start()
    await until('it asks for funds', () => sender.health().status === 'degraded')
  })

  it('recovers when somebody else takes its nonces', async () => {
    const { sender } = senderOf()
    await sender.send(request())
    for (let n = 0; n < 3; n++)
      await chain.rpc('eth_sendTransaction', { from: SENDER, to: ACCOUNTS[1], value: '0x1' })
    const receipt = await sender.send(request())
    expect(await nonceOf(receipt.hash)).toBe(4)
  })

  it('recovers when a nonce is taken while its own are in flight', async () => {
    await chain.rpc('evm_setAutomine', false)
    const { sender, metrics } = senderOf({ bumpAfterMs: 60_000 })
    const first = sender.send(request())
    await until('it is in flight', () => metrics.sum('iyi_transmitter_in_flight_transactions') === 1)
    const [own] = await pending()
    await chain.rpc('eth_sendTransaction', {
      from: SENDER,
      to: ACCOUNTS[1],
      value: '0x1',
      nonce: '0x1',
      maxFeePerGas: numberToHex(own?.maxFeePerGas ?? 0n),
      maxPriorityFeePerGas: numberToHex(parseGwei('1')),
    })
    const second = sender.send(request())
    await until('both are in flight', () => metrics.sum('iyi_transmitter_in_flight_transactions') === 2)
    await chain.rpc('evm_mine')
    const receipts = await Promise.all([first, second])
    expect(await Promise.all(receipts.map((receipt) => nonceOf(receipt.hash)))).toEqual([0, 2])
  })

  it('sends again what lost its nonce to another transaction', async () => {
    await chain.rpc('evm_setAutomine', false)
    const { sender, metrics } = senderOf({ bumpAfterMs: 400 })
    const sending = sender.send(request())
    await until('it is in flight', () => metrics.sum('iyi_transmitter_in_flight_transactions') === 1)
    const [own] = await pending()
    const raw = await account.signTransaction({
      type: 'eip1559',
      chainId: CHAIN_ID,
      nonce: 0,
      to: ACCOUNTS[1] ?? null,
      gas: 21_000n,
      maxFeePerGas: (own?.maxFeePerGas ?? 0n) * 3n,
      maxPriorityFeePerGas: (own?.maxFeePerGas ?? 0n) * 3n,
    })
    const other = await chain.rpc<Hex>('eth_sendRawTransaction', raw)
    await chain.rpc('evm_mine')
    await chain.rpc('evm_setAutomine', true)
    const receipt = await sending
    expect(receipt.hash).not.toBe(other)
    expect(await nonceOf(receipt.hash)).toBe(1)
    expect(metrics.sum('iyi_transmitter_transactions_total', { outcome: 'lost' })).toBe(1)
  })

  it('replaces a stuck transaction with higher fees', async () => {
    await chain.rpc('evm_setAutomine', false)
    const { sender, metrics } = senderOf({ bumpAfterMs: 100 })
    const sending = sender.send(request())
    await until('it was replaced twice', () => metrics.sum('iyi_transmitter_replaced_total') >= 2)
    const [tx, ...others] = await pending()
    expect(others).toEqual([])
    expect(tx?.nonce).toBe(0)
    await chain.rpc('evm_mine')
    const receipt = await sending
    expect(receipt.status).toBe('success')
    expect(await nonceOf(receipt.hash)).toBe(0)
  })

  it('stops raising fees at the cap and still gets mined', async () => {
    await chain.rpc('evm_setAutomine', false)
    const { sender, metrics } = senderOf({ bumpAfterMs: 50, maxFeeGwei: 4 })
    const sending = sender.send(request())
    await until('it was replaced', () => metrics.sum('iyi_transmitter_replaced_total') >= 1)
    const broadcasts = (): number =>
      metrics.sum('iyi_chain_requests_total', { method: 'eth_sendRawTransaction' })
    const before = broadcasts()
    await until('it was sent again', () => broadcasts() > before + 4)
    const [tx] = await pending()
    expect(tx?.maxFeePerGas).toBeLessThanOrEqual(parseGwei('4'))
    await chain.rpc('evm_mine')
    expect((await sending).effectiveGasPrice).toBeLessThanOrEqual(parseGwei('4'))
  })

  it('refuses to pay more than the cap', async () => {
    await chain.rpc('anvil_setNextBlockBaseFeePerGas', numberToHex(parseGwei('50')))
    await chain.rpc('evm_mine')
    const { sender } = senderOf({ maxFeeGwei: 0.5 })
    await expect(sender.send(request())).rejects.toMatchObject({ code: 'CHAIN_FEE_CAP', retry: true })
  })

  it('gives up waiting, keeps the transaction going, and joins it again by key', async () => {
    await chain.rpc('evm_setAutomine', false)
    const { sender } = senderOf({ receiptTimeoutMs: 1_000, bumpAfterMs: 60_000 })
    const one = request()
    await expect(sender.send(one)).rejects.toMatchObject({ code: 'CHAIN_TX_TIMEOUT', retry: true })
    const [tx] = await pending()
    const again = sender.send(one)
    await chain.rpc('evm_mine')
    expect((await again).hash).toBe(tx?.hash)
    expect(await chain.rpc('eth_getTransactionCount', SENDER, 'pending')).toBe('0x1')
  })

  it('sends again what its provider dropped from the pool', async () => {
    await chain.rpc('evm_setAutomine', false)
    const { sender, metrics } = senderOf({ bumpAfterMs: 200 })
    const both = [sender.send(request()), sender.send(request())]
    await until('both are in flight', () => metrics.sum('iyi_transmitter_in_flight_transactions') === 2)
    await chain.rpc('anvil_dropAllTransactions')
    await chain.rpc('evm_setAutomine', true)
    const receipts = await Promise.all(both)
    // Estimates go out side by side: which of the two comes first is not promised.
    const nonces = await Promise.all(receipts.map((receipt) => nonceOf(receipt.hash)))
    expect(nonces.toSorted((a, b) => a - b)).toEqual([0, 1])
  })

  it('fills a nonce that an earlier run left behind', async () => {
    await chain.rpc('evm_setAutomine', false)
    // Left by an earlier run: in the pool when the node starts, gone when its turn comes.
    const left = await chain.rpc<Hex>('eth_sendTransaction', { from: SENDER, to: ACCOUNTS[1], value: '0x1' })
    const { sender, metrics } = senderOf({ bumpAfterMs: 200 })
    const sending = sender.send(request())
    await until('it is in flight', () => metrics.sum('iyi_transmitter_in_flight_transactions') === 1)
    await chain.rpc('anvil_dropTransaction', left)
    await chain.rpc('evm_setAutomine', true)
    const receipt = await sending
    expect(await nonceOf(receipt.hash)).toBe(1)
    expect(await chain.rpc('eth_getTransactionCount', SENDER, 'latest')).toBe('0x2')
  })

  it('falls back to another provider, and takes "already known" for success', async () => {
    let sent = 0
    const flaky = await fakeRpc(async (method, params, response) => {
      if (method !== 'eth_sendRawTransaction') return await chain.rpc(method, ...params)
      sent += 1
      // Takes the transaction and loses the answer.
      await chain.rpc(method, ...params)
      response.destroy()
      return HANDLED
    })
    cleanups.push(() => flaky.stop())
    const { sender } = senderOf({ rpc: [`http://127.0.0.1:${await freePort()}`, flaky.url, chain.url] })
    const receipts = await Promise.all([sender.send(request()), sender.send(request())])
    // Estimates go out side by side: which of the two comes first is not promised.
    const nonces = await Promise.all(receipts.map((receipt) => nonceOf(receipt.hash)))
    expect(nonces.toSorted((a, b) => a - b)).toEqual([0, 1])
    expect(sent).toBeGreaterThan(0)
    expect(await chain.rpc('eth_getTransactionCount', SENDER, 'latest')).toBe('0x2')
  })

  it('goes on after its provider restarted', async () => {
    const { sender } = senderOf()
    await sender.send(request())
    await chain.stop()
    const away = sender.send(request()).catch((reason: unknown) => reason)
    expect(await away).toMatchObject({ code: 'CHAIN_UNAVAILABLE', retry: true })
    chain = await anvil({ port: chain.port })
    await setCode(chain)
    // The chain is new and counts from zero again: the nonces between are filled.
    expect(await sender.send(request())).toMatchObject({ status: 'success' })
  })

  it('keeps in flight what went out when its provider went away', async () => {
    let away = false
    const proxy = await fakeRpc(async (method, params, response) => {
      if (away) {
        response.destroy()
        return HANDLED
      }
      return await chain.rpc(method, ...params)
    })
    cleanups.push(() => proxy.stop())
    await chain.rpc('evm_setAutomine', false)
    const { sender, metrics } = senderOf({ rpc: [proxy.url], bumpAfterMs: 60_000 })
    const sending = sender.send(request())
    await until('it is in flight', () => metrics.sum('iyi_transmitter_in_flight_transactions') === 1)
    away = true
    await until('the loss was seen', () => metrics.sum('iyi_chain_requests_total', { outcome: 'away' }) > 0)
    await chain.rpc('evm_mine')
    away = false
    expect(await sending).toMatchObject({ status: 'success' })
  })

  it('pays a gas price on a chain without a base fee', async () => {
    await chain.stop()
    chain = await anvil({ args: ['--hardfork', 'berlin'] })
    await setCode(chain)
    const { sender } = senderOf()
    const receipt = await sender.send(request())
    expect(receipt.status).toBe('success')
    expect(await chain.rpc('eth_getTransactionByHash', receipt.hash)).toMatchObject({ type: '0x0' })
  })

  it('ends what waits when it stops', async () => {
    await chain.rpc('evm_setAutomine', false)
    const { sender, metrics } = senderOf()
    const sending = sender.send(request()).catch((reason: unknown) => reason)
    await until('it is in flight', () => metrics.sum('iyi_transmitter_in_flight_transactions') === 1)
    await sender.stop()
    expect(await sending).toMatchObject({ code: 'CHAIN_STOPPED', retry: true })
    await expect(sender.send(request())).rejects.toMatchObject({ code: 'CHAIN_STOPPED' })
  })

  it('knows only its chains and refuses a bad key without quoting it', async () => {
    const { sender } = senderOf()
    await expect(sender.send({ ...request(), chainId: 1 })).rejects.toMatchObject({ code: 'CHAIN_UNKNOWN' })
    const make = () => senderOf({ privateKey: '0xdeadbeef' })
    expect(make).toThrow(expect.objectContaining({ code: 'CHAIN_BAD_KEY' }))
    expect(make).not.toThrow(/deadbeef/)
  })

  it('never shows its key: not inspected, not in logs, not in errors', async () => {
    const lines: string[] = []
    const write = (fields: object, message: string): void =>
      void lines.push(inspect([fields, message], { depth: 9 }))
    const log: Logger = { debug: write, info: write, warn: write, error: write, child: () => log }
    const { sender } = senderOf({ log })
    const error = await sender.send(request(REVERTER, '0x')).catch((reason: unknown) => reason)
    await sender.send(request())
    const shown = [
      inspect(sender, { depth: 9, showHidden: true }),
      inspect(error, { depth: 9 }),
      ...lines,
    ].join('\n')
    expect(lines.length).toBeGreaterThan(0)
    expect(shown).not.toContain(KEY.slice(2))
  })
})
