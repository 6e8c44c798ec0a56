import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  formatHistory,
  type KeyHistory,
  maxDocumentBytes,
  parseHistory,
} from '../../../node/adapters/postgres/history-document.ts'
import { readHistoryFile } from '../../../node/adapters/postgres/history-file.ts'

interface DocumentVector {
  readonly name: string
  readonly error: string | null
  readonly text: string
}
const vectors: readonly DocumentVector[] = JSON.parse(
  await readFile(new URL('./signing-history-vectors/documents.json', import.meta.url), 'utf8'),
)
const bytes = (text: string) => new TextEncoder().encode(text)

let dir = ''
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'iyi-history-'))
})
afterAll(() => rm(dir, { recursive: true }))

const hex = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((it) => `0x${Buffer.from(it).toString('hex')}`)
const position = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }).map(String)
const history: fc.Arbitrary<KeyHistory[]> = fc
  .uniqueArray(
    fc.record({
      keyId: fc.oneof(hex(32), hex(20)),
      entries: fc.uniqueArray(
        fc.record({
          purpose: fc.stringMatching(/^[ -~]{1,12}$/),
          scope: fc.oneof(fc.constant(`0x${'01'.repeat(32)}`), hex(32)),
          position: fc.tuple(position, position),
          payloadDigest: hex(32),
        }),
        { maxLength: 8, selector: ({ purpose, scope }) => `${purpose}\0${scope}` },
      ),
    }),
    { minLength: 1, maxLength: 4, selector: ({ keyId }) => keyId },
  )
  .filter((keys) => keys.some(({ entries }) => entries.length > 0))

describe('the document of a signing history', () => {
  it.each(vectors)('$name: $error', ({ text, error }) => {
    if (error === null) expect(parseHistory(bytes(text)).keys.length).toBeGreaterThan(0)
    else expect(() => parseHistory(bytes(text))).toThrow(expect.objectContaining({ code: error }))
  })

  it('is read as it was written, whatever the order in which the history was given', () => {
    const createdAt = '2026-01-31T12:00:00.000Z'
    fc.assert(
      fc.property(history, fc.boolean(), (keys, retired) => {
        const text = formatHistory({ createdAt, retired, keys })
        const shuffled = keys
          .toReversed()
          .map(({ keyId, entries }) => ({ keyId, entries: entries.toReversed() }))
        expect(formatHistory({ createdAt, retired, keys: shuffled })).toBe(text)
        const read = parseHistory(bytes(text))
        expect(read).toMatchObject({ createdAt, retired })
        const lines = (some: readonly KeyHistory[]) =>
          some.flatMap(({ keyId, entries }) => [keyId, ...entries.map((it) => JSON.stringify([keyId, it]))])
        expect(new Set(lines(read.keys))).toEqual(new Set(lines(keys)))
      }),
    )
  })

  it('notices every single byte that is changed, or cut off', () => {
    const text = vectors.find(({ error }) => error === null)?.text ?? ''
    const whole = parseHistory(bytes(text))
    for (let at = 0; at < text.length; at++) {
      const torn = bytes(text)
      torn[at] = (torn[at] ?? 0) ^ 1
      expect(() => parseHistory(torn), `byte ${at}`).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^SIGNING_HISTORY_BAD_/) }),
      )
      expect(() => parseHistory(bytes(text.slice(0, at)))).toThrow()
    }
    expect(parseHistory(bytes(text))).toEqual(whole)
  })

  it('is what its description shows', async () => {
    const page = await readFile(new URL('../../../docs/signing-history.md', import.meta.url), 'utf8')
    const [, example = ''] = /```json\n([\s\S]*?)```/.exec(page) ?? []
    expect(parseHistory(bytes(example)).keys).toHaveLength(1)
  })

  it('refuses to write what it would not read', () => {
    const entry = {
      scope: `0x${'01'.repeat(32)}`,
      position: ['1', '1'],
      payloadDigest: `0x${'02'.repeat(32)}`,
    } satisfies Partial<KeyHistory['entries'][number]>
    for (const purpose of ['', 'é', 'a\nb'])
      expect(() =>
        formatHistory({
          createdAt: '2026-01-31T12:00:00.000Z',
          retired: false,
          keys: [{ keyId: `0x${'1c'.repeat(32)}`, entries: [{ ...entry, purpose }] }],
        }),
      ).toThrow(expect.objectContaining({ code: 'SIGNING_HISTORY_UNEXPORTABLE' }))
  })
})

describe('the file of a signing history', () => {
  it('is read whole', async () => {
    const text = vectors.find(({ error }) => error === null)?.text ?? ''
    await writeFile(join(dir, 'good.json'), text)
    expect(await readHistoryFile(join(dir, 'good.json'))).toEqual(parseHistory(bytes(text)))
  })

  it('is refused when it is absent, a folder, endless, too large, or no text', async () => {
    await expect(readHistoryFile(join(dir, 'absent'))).rejects.toMatchObject({
      code: 'SIGNING_HISTORY_NO_FILE',
    })
    await expect(readHistoryFile(dir)).rejects.toMatchObject({ code: 'SIGNING_HISTORY_NO_FILE' })
    const huge = await open(join(dir, 'huge.json'), 'w')
    await huge.truncate(maxDocumentBytes + 1)
    await huge.close()
    const garbage = join(dir, 'garbage')
    await writeFile(
      garbage,
      Uint8Array.from({ length: 4_096 }, (_, i) => (i * 197) % 256),
    )
    const nested = join(dir, 'nested.json')
    await writeFile(nested, '['.repeat(1_000_000))
    const endless = process.platform === 'linux' ? ['/dev/zero'] : []
    for (const path of [join(dir, 'huge.json'), garbage, nested, ...endless])
      await expect(readHistoryFile(path), path).rejects.toMatchObject({ code: 'SIGNING_HISTORY_BAD_FILE' })
  })
})
