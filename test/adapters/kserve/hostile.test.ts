import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { kserveBackend } from '../../../node/adapters/kserve/kserve-backend.ts'
import { floats, handClock, startBackend, TOKEN } from './kit.ts'
import { json, kserveServer, type Seen } from './server.ts'

const x = floats([1])
const metadata = {
  name: 'remote',
  inputs: [{ name: 'x', datatype: 'FP32', shape: [1] }],
  outputs: [
    { name: 'y', datatype: 'FP32', shape: [2] },
    { name: 't', datatype: 'BYTES', shape: [-1] },
  ],
}
const y = { name: 'y', datatype: 'FP32', shape: [2], data: [1, 2] }
const t = { name: 't', datatype: 'BYTES', shape: [1], data: ['a'] }

type Answer = (response: ServerResponse, seen: Seen) => void

/** A server whose metadata, or whose runs, are answered by the test. */
async function opened(infer: Answer, describe: Answer = (response) => json(response, 200, metadata)) {
  const server = await kserveServer({
    instead: (seen, response) => {
      if (seen.path === '/v2/health/ready') response.writeHead(200).end()
      else if (seen.path.endsWith('/infer')) infer(response, seen)
      else describe(response, seen)
      return true
    },
  })
  return startBackend(server.url, { maxAnswerBytes: 1_000 })
}

const runOn = async (infer: Answer) => (await (await opened(infer)).open()).run({ x })

/** A JSON header, and what follows it. */
function binary(response: ServerResponse, header: unknown, rest: Uint8Array, length?: string): void {
  const head = Buffer.from(JSON.stringify(header))
  response.writeHead(200, { 'inference-header-content-length': length ?? String(head.length) })
  response.end(Buffer.concat([head, rest]))
}

const sized = (output: object, size: number) => ({
  ...output,
  data: undefined,
  parameters: { binary_data_size: size },
})
const two = Buffer.from(Float32Array.of(1, 2).buffer)
const text = Buffer.from([1, 0, 0, 0, 97])

describe('an answer that can be used', () => {
  const good = { y: floats([1, 2]), t: { type: 'string', shape: [1], data: ['a'] } }

  test.each<[string, Answer]>([
    ['JSON', (response) => json(response, 200, { outputs: [y, t] })],
    [
      'JSON in another order, with more in it',
      (response) => json(response, 200, { outputs: [t, y], more: 1 }),
    ],
    ['nested data', (response) => json(response, 200, { outputs: [{ ...y, data: [[1], [2]] }, t] })],
    ['JSON and binary data in one', (response) => binary(response, { outputs: [y, sized(t, 5)] }, text)],
    [
      'all binary',
      (response) => binary(response, { outputs: [sized(y, 8), sized(t, 5)] }, Buffer.concat([two, text])),
    ],
  ])('%s', async (_name, answer) => {
    expect(await runOn(answer)).toEqual(good)
  })

  test('NaN and infinities are passed on: whoever knows the model judges them', async () => {
    const odd = Float32Array.of(Number.NaN, Number.NEGATIVE_INFINITY)
    const outputs = await runOn((response) =>
      binary(response, { outputs: [sized(y, 8), t] }, Buffer.from(odd.buffer)),
    )
    expect(outputs.y?.data).toEqual(odd)
  })
})

describe('an answer that can not be used', () => {
  const plain =
    (outputs: unknown, rest: object = {}): Answer =>
    (response) =>
      json(response, 200, { outputs, ...rest })

  test.each<[string, Answer]>([
    ['a wrong shape', plain([{ ...y, shape: [1, 2] }, t])],
    ['a wrong size of a dimension', plain([{ ...y, shape: [3], data: [1, 2, 3] }, t])],
    ['a negative dimension', plain([y, { ...t, shape: [-1] }])],
    ['a dimension that is a fraction', plain([y, { ...t, shape: [0.5] }])],
    ['a shape beyond all memory', plain([y, { ...t, shape: [2 ** 52] }])],
    ['too few elements', plain([{ ...y, data: [1] }, t])],
    ['too many elements', plain([{ ...y, data: [1, 2, 3] }, t])],
    [
      'nesting without end',
      (response) => {
        const deep = `${'['.repeat(400)}1${']'.repeat(400)}`
        const outputs = JSON.stringify([y, t]).replace('[1,2]', `[${deep},2]`)
        response.end(`{"outputs":${outputs}}`)
      },
    ],
    ['elements of another kind', plain([{ ...y, data: [1, '2'] }, t])],
    ['null for an element', plain([{ ...y, data: [1, null] }, t])],
    ['no data at all', plain([{ ...y, data: undefined }, t])],
    ['another datatype', plain([{ ...y, datatype: 'FP64' }, t])],
    ['a datatype that does not exist', plain([{ ...y, datatype: 'toString' }, t])],
    ['an output that the model does not have', plain([y, t, { ...y, name: '__proto__' }])],
    ['an output twice', plain([y, t, y])],
    ['an output too few', plain([y])],
    ['no outputs', plain(undefined)],
    ['another request', plain([y, t], { id: 'another' })],
    ['another model', plain([y, t], { model_name: 'other' })],
    ['no JSON', (response) => response.end('<html>')],
    ['nothing', (response) => response.end()],
    ['JSON that is no object', (response) => response.end('3')],
    [
      'binary data that is too short',
      (response) => binary(response, { outputs: [sized(y, 7), t] }, two.subarray(1)),
    ],
    [
      'binary data that is too long',
      (response) => binary(response, { outputs: [sized(y, 9), t] }, Buffer.alloc(9)),
    ],
    [
      'a body that ends early',
      (response) => binary(response, { outputs: [sized(y, 8), t] }, two.subarray(1)),
    ],
    ['a body that goes on', (response) => binary(response, { outputs: [sized(y, 8), t] }, Buffer.alloc(9))],
    ['a negative size', (response) => binary(response, { outputs: [sized(y, -8), t] }, two)],
    ['a header length beyond the body', (response) => binary(response, { outputs: [y, t] }, two, '9999')],
    ['a header length that is no number', (response) => binary(response, { outputs: [y, t] }, two, '0x10')],
    [
      'a text that ends early',
      (response) => binary(response, { outputs: [y, sized(t, 4)] }, text.subarray(0, 4)),
    ],
    [
      'a length of a text that ends early',
      (response) => binary(response, { outputs: [y, sized(t, 2)] }, text.subarray(0, 2)),
    ],
    [
      'a text longer than all',
      (response) => binary(response, { outputs: [y, sized(t, 5)] }, Buffer.from([255, 255, 255, 255, 97])),
    ],
    [
      'a text too many',
      (response) => binary(response, { outputs: [y, sized(t, 10)] }, Buffer.concat([text, text])),
    ],
    [
      'a text too few',
      (response) => binary(response, { outputs: [y, sized({ ...t, shape: [2] }, 5)] }, text),
    ],
    [
      'a text that is not UTF-8',
      (response) => binary(response, { outputs: [y, sized(t, 5)] }, Buffer.from([1, 0, 0, 0, 0x80])),
    ],
    // Fixed outputs and the 64 KiB of a header, and the thousand bytes that the test allows for the text.
    ['a body that is too large, and says so', (response) => response.end(Buffer.alloc(70_000, 32))],
    [
      'a body that does not end',
      (response) => {
        response.on('error', () => {})
        const more = () => {
          if (!response.destroyed) response.write(Buffer.alloc(65_536, 32), more)
        }
        more()
      },
    ],
    [
      'one that says it is compressed',
      (response) => {
        response.setHeader('content-encoding', 'gzip')
        json(response, 200, { outputs: [y, t] })
      },
    ],
    ['a redirect', (response) => response.writeHead(307, { location: '/v2/health/ready' }).end()],
    ['an empty success', (response) => response.writeHead(204).end()],
    ['an error', (response) => json(response, 500, { error: 'cuda: out of memory' })],
    [
      'an error that does not end',
      (response) => {
        response.on('error', () => {})
        response.writeHead(500)
        const more = () => {
          if (!response.destroyed) response.write(Buffer.alloc(65_536, 32), more)
        }
        more()
      },
    ],
  ])('%s', async (_name, answer) => {
    await expect(runOn(answer)).rejects.toMatchObject({
      code: 'BACKEND_RUN_FAILED',
      retry: false,
      data: { model: 'm' },
    })
  })

  test('a version other than the configured one', async () => {
    const server = await kserveServer({
      instead: ({ path }, response) => {
        if (path.endsWith('/infer')) json(response, 200, { outputs: [y, t], model_version: '2' })
        else json(response, 200, metadata)
        return true
      },
    })
    const pinned = await startBackend(server.url, { models: { m: { name: 'remote', version: '1' } } })
    await expect((await pinned.open()).run({ x })).rejects.toMatchObject({ code: 'BACKEND_RUN_FAILED' })
    const any = await startBackend(server.url)
    expect(await (await any.open()).run({ x })).toMatchObject({ y: floats([1, 2]) })
  })

  test.each([408, 429, 502, 503, 504])(
    '%i says nothing of the run: it may be tried again',
    async (status) => {
      await expect(runOn((response) => json(response, status, {}))).rejects.toMatchObject({
        code: 'BACKEND_LOST',
        retry: true,
      })
    },
  )

  test.each<[string, Answer]>([
    [
      'a body that was announced longer',
      (response) => {
        response.writeHead(200, { 'content-length': '500' }).write('{"outputs"')
        response.socket?.end()
      },
    ],
    [
      'chunks that break off',
      (response) => {
        response.writeHead(200).write('{"outputs"')
        response.socket?.end()
      },
    ],
    ['no HTTP', (response) => response.socket?.end('hello\r\n\r\n')],
    [
      'headers without end',
      (response) => response.socket?.write(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}`),
    ],
  ])('a broken connection: %s', async (_name, answer) => {
    await expect(runOn(answer)).rejects.toMatchObject({ code: 'BACKEND_LOST' })
  })
})

describe('metadata that can not be used', () => {
  const [port] = metadata.inputs

  test.each<[string, Answer]>([
    ['no JSON', (response) => response.end('<html>')],
    ['too large', (response) => response.end(Buffer.alloc(2 ** 20 + 1, 32))],
    ['of another model', (response) => json(response, 200, { ...metadata, name: 'other' })],
    ['without outputs', (response) => json(response, 200, { ...metadata, outputs: [] })],
    ['a name twice', (response) => json(response, 200, { ...metadata, inputs: [port, port] })],
    ['a size of -2', (response) => json(response, 200, { ...metadata, inputs: [{ ...port, shape: [-2] }] })],
    ['a redirect', (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
    ['a wrong token', (response) => json(response, 401, {})],
  ])('%s', async (_name, answer) => {
    const { open } = await opened(() => {}, answer)
    await expect(open()).rejects.toMatchObject({ code: 'BACKEND_BAD_MODEL', data: { model: 'm' } })
  })

  test('types that a tensor can not have keep their name', async () => {
    const { open } = await opened(
      () => {},
      (response) =>
        json(response, 200, { ...metadata, inputs: [{ name: 'x', datatype: 'BF16', shape: [-1, 3] }] }),
    )
    expect((await open()).inputs).toEqual([{ name: 'x', type: 'BF16', shape: ['?', 3] }])
  })
})

describe('what a server says', () => {
  test('is one short line, without the token', async () => {
    const error = `line\r\nline\u2028\u202e ${TOKEN} \u0000${'long '.repeat(1_000)}`
    const { logs, open, backend } = await opened((response) => json(response, 503, { error }))
    const failure = await (await open()).run({ x }).catch((thrown: unknown) => thrown)
    const { message } = failure as Error
    expect(message.startsWith('the inference server answered 503; it says: line line *** long long')).toBe(
      true,
    )
    expect(message.length).toBeLessThan(300)
    expect(message).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
    expect(backend.health()).toMatchObject({ reason: message })
    expect(logs).toHaveLength(1)
    expect(JSON.stringify([logs, failure, (failure as Error).cause])).not.toContain(TOKEN)
  })
})

describe('options', () => {
  const make = (changes: { url?: string; token?: string }) =>
    kserveBackend(
      { url: 'http://127.0.0.1:1', models: {}, timeoutMs: 1_000, lanes: 1, ...changes },
      {
        log: {
          debug() {},
          info() {},
          warn() {},
          error() {},
          child: () => {
            throw new TypeError('unused')
          },
        },
        clock: handClock().clock,
      },
    )

  test.each([
    'inference:8000',
    'ftp://inference',
    'http://user:hunter2@inference',
    'http://inference/?key=hunter2',
    'http://inference/#hunter2',
  ])('the URL %s is refused, and not repeated', (url) => {
    let thrown: unknown
    try {
      make({ url })
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ code: 'KSERVE_BAD_OPTIONS', data: { option: 'url' } })
    expect((thrown as Error).message).not.toContain('hunter2')
  })

  test.each(['two\nlines', 'ä', '', 'a b'])('the token %o is refused', (token) => {
    expect(() => make({ token })).toThrow(
      expect.objectContaining({ code: 'KSERVE_BAD_OPTIONS', data: { option: 'token' } }),
    )
  })

  test('plain http to another machine is said once', async () => {
    // No loopback by its name, and yet nothing leaves this machine: nobody listens at port 1.
    const { logs } = await startBackend('http://0.0.0.0:1')
    expect(logs.map(({ msg }) => msg)).toContain(
      'Send inputs, answers and the token to the inference server unencrypted; choose an https URL unless the network is your own',
    )
    expect(JSON.stringify(logs)).not.toContain(TOKEN)
  })
})
