import { DevnetError } from './errors.ts'

/** One JSON-RPC call to a chain of ours; the cheat calls that viem has no word for go through here too. */
export type Rpc = <T = unknown>(method: string, params?: readonly unknown[]) => Promise<T>

/** @throws DevnetError `DEVNET_RPC_FAILED` */
export function jsonRpc(url: string): Rpc {
  let id = 0
  return async <T>(method: string, params: readonly unknown[] = []): Promise<T> => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params }),
      signal: AbortSignal.timeout(10_000),
    })
    const answer = (await response.json()) as { result?: T; error?: { message: string } }
    if (answer.error !== undefined || answer.result === undefined)
      throw new DevnetError(
        'DEVNET_RPC_FAILED',
        `${method} failed: ${answer.error?.message ?? 'no result'}`,
        { method },
      )
    return answer.result
  }
}
