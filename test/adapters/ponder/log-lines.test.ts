import { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { describe, expect, it } from 'vitest'
import { forwardLines, type LogLine } from '../../../node/adapters/ponder/log-lines.ts'
import { secretRedactor } from '../../../node/adapters/ponder/redact.ts'
import { recordingLogger } from './recorders.ts'

const clean = secretRedactor([
  'postgres://node:s3cr%2Fet@127.0.0.1:5432/iyi',
  'https://eth.example/v2/abcdef0123456789abcdef',
  'https://user:hunter22@rpc.example/?apikey=0123456789',
  'http://127.0.0.1:8545',
])

async function forward(text: string) {
  const log = recordingLogger()
  const seen: LogLine[] = []
  const stream = Readable.from([text])
  const ended = new Promise<void>((resolve) => stream.once('close', () => setImmediate(resolve)))
  forwardLines(stream, { fallbackLevel: 40 }, { log, clean, seen: (line) => seen.push(line) })
  await Promise.all([finished(stream), ended])
  return { lines: log.lines, seen }
}

describe('lines of the child', () => {
  it('become structured lines of the same level, chatter at debug', async () => {
    const { lines } = await forward(
      [
        '{"level":30,"time":1,"msg":"Created HTTP server","port":42069}',
        '{"level":30,"time":1,"msg":"Indexed block","number":7}',
        '{"level":50,"time":1,"msg":"Build failed","error":{"message":"boom","stack":"at x"}}',
        'not JSON',
        '',
        '[1]',
      ].join('\n'),
    )
    expect(lines).toEqual([
      { level: 'info', message: 'Created HTTP server', fields: { port: 42069 } },
      { level: 'debug', message: 'Indexed block', fields: { number: 7 } },
      { level: 'error', message: 'Build failed', fields: { err: { message: 'boom', stack: 'at x' } } },
      { level: 'warn', message: 'not JSON', fields: {} },
      { level: 'warn', message: '[1]', fields: {} },
    ])
  })

  it('hold no secret of the database or of a provider, at any depth', async () => {
    const line = {
      level: 40,
      msg: 'connect postgres://node:s3cr%2Fet@127.0.0.1:5432/iyi failed',
      error: {
        message: 'password s3cr/et wrong; POST https://eth.example/v2/abcdef0123456789abcdef',
        meta: ['https://user:hunter22@rpc.example/?apikey=0123456789', { key: 'abcdef0123456789abcdef' }],
      },
    }
    const { lines, seen } = await forward(`${JSON.stringify(line)}\nplain s3cr%2Fet\n`)
    for (const secret of ['s3cr', 'abcdef0123456789', 'hunter22', '0123456789']) {
      expect(JSON.stringify({ lines, seen })).not.toContain(secret)
    }
    expect(JSON.stringify(lines)).toContain('https://eth.example')
  })
})
