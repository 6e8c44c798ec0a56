import type { ServerResponse } from 'node:http'
import type { Hex } from '../../node/ports/chain.ts'
import { type Anvil, fakeRpc, HANDLED, RpcError } from '../adapters/viem/kit.ts'

export interface RpcCall {
  readonly method: string
  readonly params: readonly unknown[]
  readonly response: ServerResponse
  /** What the chain behind it answers. */
  truth(): Promise<unknown>
}

/** A lie answers a call in its own way; `TRUTH` leaves it to the chain. */
export type Lie = (call: RpcCall) => unknown
export const TRUTH = Symbol('truth')

export interface LyingRpc {
  readonly url: string
  readonly calls: string[]
  /** What it says from now on; null for the truth. */
  lie(lie: Lie | null): void
  /** Puts another chain behind it. */
  serve(chain: Anvil): void
  stop(): Promise<void>
}

/** A provider in front of a real chain that can be made to lie. */
export async function lyingRpc(first: Anvil): Promise<LyingRpc> {
  let chain = first
  let current: Lie | null = null
  const server = await fakeRpc(async (method, params, response) => {
    const truth = async () => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(chain.url, { method: 'POST', headers, body }).catch(() => null)
      if (response === null) return new RpcError(-32_603, 'the chain is not there any more')
      const answer = (await response.json()) as {
        result: unknown
        error?: { code: number; message: string; data?: unknown }
      }
      const { error } = answer
      return error === undefined ? answer.result : new RpcError(error.code, error.message, error.data)
    }
    const told = current === null ? TRUTH : await current({ method, params, response, truth })
    return told === TRUTH ? await truth() : told
  })
  return {
    url: server.url,
    calls: server.calls,
    lie: (lie) => {
      current = lie
    },
    serve: (other) => {
      chain = other
    },
    stop: server.stop,
  }
}

type RawLog = { data: Hex; [name: string]: unknown }

/** Changes what `eth_getLogs` answers, by range and by hash. */
export const lyingAboutLogs =
  (change: (logs: readonly RawLog[]) => readonly RawLog[]): Lie =>
  async ({ method, truth }) =>
    method === 'eth_getLogs' ? change((await truth()) as RawLog[]) : TRUTH

export const wrongLogs = lyingAboutLogs((logs) => logs.map((log) => ({ ...log, data: '0xbad0' })))
export const missingLogs = lyingAboutLogs((logs) => logs.slice(1))

/** Says of every block that it has one more receipt than it has, or others. */
export const wrongReceipts: Lie = async ({ method, truth }) => {
  if (method !== 'eth_getBlockReceipts') return TRUTH
  const receipts = (await truth()) as { cumulativeGasUsed: Hex }[]
  return receipts.map((receipt) => ({ ...receipt, cumulativeGasUsed: '0x1' }))
}

/** A header that does not hash to its hash. */
export const wrongParents: Lie = async ({ method, truth }) => {
  if (!method.startsWith('eth_getBlockBy')) return TRUTH
  const header = (await truth()) as object | null
  return header === null ? null : { ...header, parentHash: `0x${'ab'.repeat(32)}` }
}

export const noReceipts: Lie = ({ method }) =>
  /receipt/i.test(method) ? new RpcError(-32_601, 'the method does not exist') : TRUTH

/** Stands still at a block. */
export const staleAt =
  (block: bigint): Lie =>
  ({ method, params }) => {
    if (method === 'eth_blockNumber') return `0x${block.toString(16)}`
    if (method === 'eth_getBlockByNumber' && BigInt(String(params[0])) > block) return null
    return TRUTH
  }

export const tooManyRequests: Lie = ({ response }) => {
  response.statusCode = 429
  response.setHeader('retry-after', '0')
  response.end('slow down')
  return HANDLED
}

export const slowBy =
  (delayMs: number): Lie =>
  async () => {
    await new Promise((resolve) => setTimeout(resolve, delayMs))
    return TRUTH
  }

/** Takes the request and never answers. */
export const halfOpen: Lie = () => HANDLED

export const huge: Lie = async ({ method, truth }) =>
  method === 'eth_getLogs'
    ? [{ ...((await truth()) as RawLog[])[0], data: `0x${'00'.repeat(20 * 1024 * 1024)}` }]
    : TRUTH
