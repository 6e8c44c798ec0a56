import { describe, expect, it } from 'vitest'
import { type LogLevel, pinoLogger } from '../../../node/adapters/pino/pino-logger.ts'

function capture(format: 'json' | 'pretty' = 'json', level: LogLevel = 'debug') {
  const lines: string[] = []
  const log = pinoLogger({ level, format, destination: { write: (line) => void lines.push(line) } })
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown> }
}

describe('pino logger', () => {
  it('writes fields, message, level and an ISO time as one JSON line', () => {
    const { log, lines, last } = capture()
    log.info({ seqNr: 7n, bytes: new Uint8Array([1, 255]) }, 'Commit the round')
    expect(lines).toHaveLength(1)
    expect(lines[0]?.endsWith('\n')).toBe(true)
    expect(last()).toMatchObject({ level: 'info', msg: 'Commit the round', seqNr: '7', bytes: '0x01ff' })
    expect(String(last().time)).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/)
  })

  it.each([
    { password: 'hunter2-secret' },
    { PRIVATE_KEY: '0xhunter2-secret' },
    { privateKey: new Uint8Array(Buffer.from('hunter2-secret')) },
    { seed: 'hunter2-secret' },
    { mnemonic: ['hunter2-secret'] },
    { headers: { Authorization: 'Bearer hunter2-secret' } },
    { config: { chains: [{ 'api-key': 'hunter2-secret' }] } },
    { accessToken: 'hunter2-secret' },
    { url: 'postgres://iyi:hunter2-secret@localhost:5420/iyi' },
    { url: new URL('https://hunter2-secret@rpc.example/') },
    { url: 'https://rpc.example/?apikey=hunter2-secret&x=1' },
    { err: new Error('connect postgres://iyi:hunter2-secret@db failed') },
    { err: new Error('outer', { cause: new Error('wss://u:hunter2-secret@node') }) },
    { err: Object.assign(new Error('x'), { request: { headers: { cookie: 'hunter2-secret' } } }) },
    { text: 'header was Bearer hunter2-secret' },
    { text: '-----BEGIN PRIVATE KEY-----\nhunter2-secret\n-----END PRIVATE KEY-----' },
    { map: new Map([['k', 'postgres://u:hunter2-secret@h']]) },
  ])('never writes a secret: %o', (fields) => {
    const hex = Buffer.from('hunter2-secret').toString('hex')
    for (const format of ['json', 'pretty'] as const) {
      const { log, lines } = capture(format)
      log.error(fields, 'Fail')
      log.child(fields).info({}, 'Say')
      log.info({}, 'Dial https://u:hunter2-secret@host/')
      const text = lines.join('')
      expect(lines).toHaveLength(3)
      expect(text).not.toContain('hunter2')
      expect(text).not.toContain(hex)
    }
  })

  it('leaves what is no secret', () => {
    const { log, last } = capture()
    log.info(
      { token: '0xabc', seedNodes: ['a'], url: 'https://rpc.example/v1?block=1', passwordSet: true },
      'Say',
    )
    expect(last()).toMatchObject({
      token: '0xabc',
      seedNodes: ['a'],
      url: 'https://rpc.example/v1?block=1',
      passwordSet: true,
    })
  })

  it('survives cycles, depth, odd values and long arrays', () => {
    const { log, last } = capture()
    const cycle: Record<string, unknown> = { name: 'a' }
    cycle.self = cycle
    let deep: Record<string, unknown> = {}
    for (let i = 0; i < 50; i++) deep = { deep }
    log.warn(
      { cycle, deep, nan: Number.NaN, f: () => 1, many: new Array(1000).fill(1), date: new Date(Number.NaN) },
      'x',
    )
    expect(last().cycle).toEqual({ name: 'a', self: '[circular]' })
    expect(last().nan).toBe('NaN')
    expect((last().many as unknown[]).length).toBe(101)
  })

  it('keeps error code, stack and cause', () => {
    const { log, last } = capture()
    log.error({ err: Object.assign(new Error('no'), { code: 'E_NO', cause: new TypeError('why') }) }, 'Fail')
    expect(last().err).toMatchObject({
      name: 'Error',
      message: 'no',
      code: 'E_NO',
      cause: { name: 'TypeError' },
    })
  })

  it('filters by level and changes it for children too', () => {
    const { log, lines } = capture('json', 'warn')
    const child = log.child({ module: 'quorum' })
    child.info({}, 'no')
    expect(lines).toHaveLength(0)
    log.setLevel('debug')
    child.debug({}, 'yes')
    expect(lines).toHaveLength(1)
    expect(log.level()).toBe('debug')
    log.setLevel('silent')
    child.error({}, 'no')
    expect(lines).toHaveLength(1)
  })

  it('writes short pretty lines that foreign text can not forge', () => {
    const { log, lines } = capture('pretty')
    log.child({ module: 'net' }).info({ peer: 'a', note: 'x\ny' }, 'Hello\n12:00:00 INFO forged \u001b[31m')
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} INFO {2}net Hello .* peer=a note="x\\ny"\n$/)
    expect(lines[0]?.trimEnd().includes('\n')).toBe(false)
    expect(lines[0]).not.toContain('\u001b')
  })
})
