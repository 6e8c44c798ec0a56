import { bytesToHex, hexToBytes, sha256 } from 'viem'
import { describe, expect, test } from 'vitest'
import { ContentError } from '../../../node/ports/content-error.ts'
import type { RouteSpec, Routes } from '../../../node/ports/http.ts'
import type { ServedOracle } from '../../../plugins/oracle/requests/served-oracle.ts'
import { addInputRoutes } from '../../../plugins/oracle/routes/inputs.ts'
import { memoryContents } from '../../fakes/contents.ts'
import { HOME } from './kit.ts'
import { INPUT, ORACLE } from './requests/kit.ts'
import { serveOracle } from './served.ts'

const input = hexToBytes(INPUT)

const questions = { id: 'questions', contract: { chainId: HOME, address: ORACLE } }

async function served(inputs: object = {}, inference: readonly object[] = [questions]) {
  const node = await serveOracle({ inference, inputs }, {}, { maxBodyBytes: 2 ** 22 })
  const post = async (body: Uint8Array, type = 'application/octet-stream') => {
    const headers = { 'content-type': type }
    const response = await fetch(`${node.url}/v1/inputs`, {
      method: 'POST',
      headers,
      body: Buffer.from(body),
    })
    return { status: response.status, body: await response.json() }
  }
  return { ...node, post }
}

describe('POST /v1/inputs', () => {
  test('keeps the bytes and says under which hash, how large and until when', async () => {
    const { post, contents } = await served({ keepMinutes: 20 })
    expect(await post(input)).toEqual({
      status: 200,
      body: { data: { hash: sha256(INPUT), size: input.length, keptUntil: '1700001200' } },
    })
    expect(bytesToHex((await contents.read(sha256(INPUT).slice(2))) ?? new Uint8Array())).toBe(INPUT)
  })

  test.each<[string, Uint8Array, string, number, string]>([
    ['no bytes', new Uint8Array(), 'application/octet-stream', 400, 'ORACLE_EMPTY_INPUT'],
    ['too many bytes', new Uint8Array(2 ** 20 + 1), 'application/octet-stream', 413, 'HTTP_BODY_TOO_LARGE'],
    ['another media type', input, 'application/json', 415, 'HTTP_UNSUPPORTED_MEDIA_TYPE'],
  ])('refuses %s', async (_what, body, type, status, code) => {
    const { post, contents } = await served()
    expect(await post(body, type)).toMatchObject({ status, body: { code } })
    expect(contents.held()).toEqual([])
  })

  test('takes so many of one address', async () => {
    const { post } = await served({ perMinute: 3 })
    for (let i = 0; i < 3; i++) expect((await post(Uint8Array.of(i))).status).toBe(200)
    expect(await post(Uint8Array.of(9))).toMatchObject({
      status: 429,
      body: { code: 'ORACLE_TOO_MANY_INPUTS' },
    })
  })

  test('a network of IPv6 addresses is one address, and an IPv4 address is one however it is written', async () => {
    const added: RouteSpec[] = []
    const routes: Routes = {
      add: (route) => void added.push(route as never),
      event: () => {},
      publish: () => {},
    }
    const clock = { now: () => 0, monotonic: () => 0, setTimer: () => ({ cancel: () => {} }) }
    const config = { accept: true, keepMinutes: 10, keepAnsweredHours: 24, perMinute: 1 }
    addInputRoutes(routes, config, { oracles: [{} as ServedOracle], contents: memoryContents(), clock })
    const taken = async (client: string) => {
      const request = { params: {}, query: {}, body: undefined, bytes: input, client }
      return await added[0]?.handler(request).then(
        () => true,
        () => false,
      )
    }
    for (const [first, second] of [
      ['2001:db8:1:2::5', '2001:db8:1:2:ffff::1'],
      ['2001:db8::7', '2001:db8:0:0:9:9:9:9'],
      ['::ffff:10.0.0.1', '10.0.0.1'],
    ] as const)
      expect([await taken(first), await taken(second)]).toEqual([true, false])
    expect([await taken('2001:db8:1:3::5'), await taken('10.0.0.2')]).toEqual([true, true])
  })

  test.each([
    ['CONTENT_FULL', 503],
    ['CONTENT_TOO_LARGE', 413],
  ] as const)('says when there is no room: %s', async (code, status) => {
    const { post, contents } = await served()
    contents.put = () => Promise.reject(new ContentError(code, 'no room'))
    expect(await post(input)).toMatchObject({ status, body: { code } })
  })

  test('is not there where the operator takes none, or serves no oracle', async () => {
    expect((await (await served({ accept: false })).post(input)).status).toBe(404)
    expect(await (await served({}, [])).post(input)).toMatchObject({
      ...{ status: 404, body: { code: 'ORACLE_UNKNOWN_ORACLE' } },
    })
  })

  test('the description of the API says that it takes bytes', async () => {
    const { url } = await served()
    const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as {
      paths: Record<string, { post: { requestBody: { required: boolean; content: object } } }>
    }
    expect(paths['/v1/inputs']?.post.requestBody).toMatchObject({
      required: true,
      content: { 'application/octet-stream': { schema: { format: 'binary', maxLength: 2 ** 20 } } },
    })
  })
})
