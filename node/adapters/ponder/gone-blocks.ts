type Fetch = typeof globalThis.fetch

/** What a provider says of an error is no longer than this; logs of a block may be, and are not looked at. */
const LONGEST_ERROR = 4_096

/**
 * A `fetch` for Ponder that tells it at once when a block is gone. Ponder asks for the logs of each new head by the hash of
 * the block. If a reorganisation takes the block away in between, the provider refuses, and Ponder asks again and again,
 * for a minute and for each such block, while everything behind it waits. The one answer that it does not ask again after is
 * of something that was reverted, so that is what it is told when the provider says that it has no such block. It then
 * takes the chain's head as it is.
 *
 * A provider that lags has no such block either, for a moment: it is asked twice, `againMs` apart (1,000 when absent).
 */
export function tellingOfGoneBlocks(fetch: Fetch, { againMs = 1_000 } = {}): Fetch {
  return async (input, init) => {
    if (!(input instanceof Request) || input.method !== 'POST') return fetch(input, init)
    const asked = logsByHash(await input.clone().text())
    const response = await fetch(input, init)
    if (asked === null) return response
    const text = await response.clone().text()
    if (text.length > LONGEST_ERROR || !isRefused(text)) return response
    if (!(await hasNot(asked.hash, input, fetch))) return response
    await new Promise((resolve) => setTimeout(resolve, againMs))
    if (!(await hasNot(asked.hash, input, fetch))) return response
    const message = `block ${asked.hash} is not in the chain any more: it was reverted`
    return Response.json({ jsonrpc: '2.0', id: asked.id, error: { code: -32_000, message } })
  }
}

/** The block whose logs are asked for by its hash; null for any other request. */
function logsByHash(body: string): { readonly id: unknown; readonly hash: string } | null {
  // Most requests are others, and not worth to be parsed.
  if (!body.includes('"eth_getLogs"') || !body.includes('"blockHash"')) return null
  const { id, params } = JSON.parse(body) as { id?: unknown; params?: [{ blockHash?: unknown }?] }
  const hash = params?.[0]?.blockHash
  return typeof hash === 'string' ? { id, hash } : null
}

function isRefused(text: string): boolean {
  try {
    const { error } = JSON.parse(text) as { error?: unknown }
    return error !== undefined && error !== null
  } catch {
    return false
  }
}

/** The provider says that it has no such block. */
async function hasNot(hash: string, { url, signal }: Request, fetch: Fetch): Promise<boolean> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_getBlockByHash', params: [hash, false] }),
      signal,
    })
    const { result } = (await answer.json()) as { result?: unknown }
    return result === null
  } catch {
    // Nothing is known of the block: the provider's own answer stands.
    return false
  }
}
