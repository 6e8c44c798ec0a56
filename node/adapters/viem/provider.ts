import { getHttpRpcClient } from 'viem/utils'
import { RpcFailureError, rpcFailure } from './rpc-failure.ts'

/** Larger answers are cut off: a provider must not be able to fill this process's memory. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024

/** One JSON-RPC endpoint over HTTP. */
export interface Provider {
  /** Rejects with `RpcFailureError`, or with what `fetch` and viem throw; `failureOf` reads both. */
  request(method: string, params: readonly unknown[], signal: AbortSignal): Promise<unknown>
}

/**
 * viem's HTTP client with the deadline over the whole exchange: viem's own timeout ends with the response's headers,
 * and a provider that trickles its body would hold a request for ever.
 */
export function httpProvider(options: { readonly url: string }): Provider {
  const client = getHttpRpcClient(options.url, { timeout: 0, maxResponseBodySize: MAX_ANSWER_BYTES })
  return {
    request: async (method, params, signal) => {
      let headers: Headers | undefined
      const answer: unknown = await client.request({
        body: { method, params: [...params] },
        fetchOptions: { signal },
        onResponse: (response) => {
          headers = response.headers
        },
      })
      if (typeof answer !== 'object' || answer === null || !('result' in answer || 'error' in answer)) {
        throw new RpcFailureError({ kind: 'away', reason: 'Answer is not JSON-RPC' })
      }
      if ('error' in answer && answer.error !== undefined && answer.error !== null) {
        throw new RpcFailureError(rpcFailure(answer.error, headers))
      }
      return 'result' in answer ? answer.result : null
    },
  }
}
