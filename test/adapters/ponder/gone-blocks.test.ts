import { createServer, type Server } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterEach, expect, test } from 'vitest'
import { tellingOfGoneBlocks } from '../../../node/adapters/ponder/gone-blocks.ts'

const hash = `0x${'ab'.repeat(32)}`
let provider: Server
afterEach(() => provider.close())

/** A provider that knows of the block what `block` says, and answers a request for its logs so. */
async function asked(
  of: { block: object | null | 'silent'; later?: object | null; logs: object; status?: number },
  params: object[],
) {
  let looks = 0
  provider = createServer(async (request, response) => {
    const body = JSON.parse(await text(request)) as { id: number; method: string }
    const byHash = body.method === 'eth_getBlockByHash'
    if (byHash && of.block === 'silent') return request.socket.destroy()
    const block = byHash && ++looks > 1 && of.later !== undefined ? of.later : of.block
    response.writeHead(byHash ? 200 : (of.status ?? 200), { 'content-type': 'application/json' })
    response.end(JSON.stringify({ jsonrpc: '2.0', id: body.id, ...(byHash ? { result: block } : of.logs) }))
  })
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
  const address = provider.address()
  if (address === null || typeof address === 'string') throw new TypeError('no port')
  const request = new Request(`http://127.0.0.1:${address.port}`, {
    method: 'POST',
    body: JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'eth_getLogs', params }),
  })
  const answer = await tellingOfGoneBlocks(fetch, { againMs: 20 })(request)
  return { status: answer.status, ...((await answer.json()) as object) }
}

const refused = { error: { code: -32_000, message: 'unknown block' } }
const reverted = { id: 7, status: 200, error: { message: expect.stringContaining('reverted') } }

test('a block that is gone was reverted, whatever the provider calls it', async () => {
  expect(await asked({ block: null, logs: refused }, [{ blockHash: hash }])).toMatchObject(reverted)
})

test('also where the refusal is one of HTTP', async () => {
  expect(await asked({ block: null, logs: refused, status: 400 }, [{ blockHash: hash }])).toMatchObject(
    reverted,
  )
})

test.each([
  ['the block is there', { block: { hash }, logs: refused }, [{ blockHash: hash }], refused],
  [
    'a provider that lags has the block a moment later',
    { block: null, later: { hash }, logs: refused },
    [{ blockHash: hash }],
    refused,
  ],
  [
    'nothing is known of the block',
    { block: 'silent' as const, logs: refused },
    [{ blockHash: hash }],
    refused,
  ],
  ['a range is asked for', { block: null, logs: refused }, [{ fromBlock: '0x1', toBlock: '0x2' }], refused],
  ['there are logs', { block: null, logs: { result: [] } }, [{ blockHash: hash }], { result: [] }],
])('an answer stays as it is when %s', async (_, of, params, answer) => {
  expect(await asked(of, params)).toEqual({ jsonrpc: '2.0', id: 7, status: 200, ...answer })
})
