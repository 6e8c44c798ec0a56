import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Database } from '../../../node/adapters/postgres/database.ts'
import { type KeyHistory, parseHistory } from '../../../node/adapters/postgres/history-document.ts'
import type { SignedSlot } from '../../../node/adapters/postgres/history-merge.ts'
import {
  exportHistory,
  importHistory,
  refuseRetiredKeys,
} from '../../../node/adapters/postgres/history-transfer.ts'
import { signingHistory } from '../../../node/adapters/postgres/signing-history.ts'
import { countingKey, slot } from '../../compliance/signing-slots.ts'
import { memorySigningHistory } from '../../fakes/guarded-signer.ts'
import { noMetrics, type TestPostgres, testPostgres, until } from './support.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

interface ImportVector {
  readonly name: string
  readonly held: readonly string[]
  readonly here: readonly SignedSlot[]
  readonly retiredHere: readonly string[]
  readonly file: string
  readonly error: string | null
  readonly keys?: readonly object[]
  readonly after: readonly SignedSlot[]
}
const vectors: readonly ImportVector[] = JSON.parse(
  await readFile(new URL('./signing-history-vectors/imports.json', import.meta.url), 'utf8'),
)

const createdAt = '2026-01-31T12:00:00.000Z'
const consensus = `0x${'1c'.repeat(32)}`
const report = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'
const held = [consensus, report]
const text = (value: string) => new TextEncoder().encode(value)

let postgres: TestPostgres
let schemas = 0
beforeAll(async () => {
  postgres = await testPostgres()
})
afterAll(() => postgres.dispose())

const fresh = () => postgres.database(`history_${++schemas}`, 4)
const guard = (database: Database, id: string) =>
  signingHistory({ database, metrics: noMetrics }).guard(countingKey(id))
const exported = (database: Database, options: { keys?: readonly string[]; retire?: boolean } = {}) =>
  exportHistory({ keys: options.keys ?? held, retire: options.retire ?? false, createdAt }, { database })

const sorted = (slots: readonly SignedSlot[]) =>
  slots
    .map(({ keyId, purpose, scope, position, payloadDigest }) =>
      JSON.stringify([keyId, purpose, scope, position, payloadDigest]),
    )
    .toSorted()
const slotsOf = (keys: readonly KeyHistory[]) =>
  keys.flatMap(({ keyId, entries }) => entries.map((entry) => ({ keyId, ...entry })))
async function rows(database: Database): Promise<readonly SignedSlot[]> {
  const known = await database.query('select distinct key_id from signing_history')
  if (known.length === 0) return []
  const { content } = await exported(database, { keys: known.map((row) => String(row.key_id)) })
  return slotsOf(content.keys)
}

describe('importing a signing history', () => {
  it.each(vectors)('$name: $error', async (vector) => {
    const database = await fresh()
    for (const { keyId, purpose, scope, position, payloadDigest } of vector.here) {
      await database.query('insert into signing_history values ($1, $2, $3, $4, $5, $6)', [
        keyId,
        purpose,
        scope,
        ...position,
        Buffer.from(payloadDigest.slice(2), 'hex'),
      ])
    }
    await database.query('insert into signing_retired select unnest($1::text[])', [vector.retiredHere])
    const content = parseHistory(text(vector.file))
    const importing = importHistory({ content, keys: vector.held }, { database })
    if (vector.error === null) expect(await importing).toEqual(vector.keys)
    else await expect(importing).rejects.toMatchObject({ code: vector.error, retry: false })
    expect(sorted(await rows(database))).toEqual(sorted(vector.after))
    const stillRetired = refuseRetiredKeys({ keys: held }, { database })
    if (vector.error !== null && vector.retiredHere.length > 0)
      await expect(stillRetired).rejects.toMatchObject({ code: 'SIGNING_HISTORY_RETIRED' })
    else await stillRetired
  })

  it('names the entries that are lower, and says where both know more', async () => {
    const database = await fresh()
    await guard(database, consensus).sign(slot(5n, 5n, 'commit'), text('x'))
    const { content } = await exported(database)
    await guard(database, consensus).sign(slot(5n, 6n, 'commit'), text('y'))
    const lower = {
      keyId: consensus,
      purpose: 'commit',
      scope: slot(0n, 0n).scope,
      here: ['5', '6'],
      there: ['5', '5'],
    }
    await expect(importHistory({ content, keys: held }, { database })).rejects.toMatchObject({
      data: { ahead: false, count: 1, entries: [lower] },
    })
    const [key] = content.keys
    const [entry] = key?.entries ?? []
    if (key === undefined || entry === undefined) throw new TypeError('nothing was exported')
    const more = { ...key, entries: [entry, { ...entry, purpose: 'prepare' }] }
    await expect(
      importHistory({ content: { ...content, keys: [more] }, keys: held }, { database }),
    ).rejects.toMatchObject({ data: { ahead: true, entries: [lower] } })
  })

  it('takes over 20,000 entries at once', async () => {
    const database = await fresh()
    const entries = Array.from({ length: 20_000 }, (_, i) => ({
      purpose: `p${i}`,
      scope: slot(0n, 0n).scope,
      position: [`${i}`, '1'] as [string, string],
      payloadDigest: `0x${'ab'.repeat(32)}`,
    }))
    const content = { createdAt, retired: true, keys: [{ keyId: consensus, entries }] }
    expect(await importHistory({ content, keys: held }, { database })).toMatchObject([{ added: 20_000 }])
    expect(parseHistory(text((await exported(database)).text)).keys[0]?.entries).toHaveLength(20_000)
  })
})

describe('moving a signing history', () => {
  it('makes the new database refuse all that the old one refuses', async () => {
    const [old, other] = [await fresh(), await fresh()]
    await guard(old, consensus).sign(slot(3n, 17n, 'commit'), text('c'))
    await guard(old, consensus).sign(slot(3n, 18n, 'observation'), text('o'))
    await guard(old, report).sign(slot(17n, 1n, 'report-1'), text('r'))
    const { text: file, otherKeys } = await exported(old)
    expect(otherKeys).toEqual([])
    await importHistory({ content: parseHistory(text(file)), keys: held }, { database: other })
    for (const database of [old, other]) {
      const signer = guard(database, consensus)
      await expect(signer.sign(slot(3n, 16n, 'commit'), text('c'))).rejects.toMatchObject({
        code: 'SIGNER_SLOT_PASSED',
      })
      await expect(signer.sign(slot(3n, 17n, 'commit'), text('d'))).rejects.toMatchObject({
        code: 'SIGNER_SLOT_CONFLICT',
      })
      await expect(guard(database, report).sign(slot(17n, 1n, 'report-1'), text('s'))).rejects.toMatchObject({
        code: 'SIGNER_SLOT_CONFLICT',
      })
      // What was signed may be signed again alike, and what comes after.
      await signer.sign(slot(3n, 17n, 'commit'), text('c'))
      await signer.sign(slot(3n, 18n, 'commit'), text('next'))
    }
  })

  it('never lowers a position, and allows only what both histories allow', async () => {
    const purposes = ['commit', 'prepare'] as const
    const signature = fc.record({
      purpose: fc.constantFrom(...purposes),
      first: fc.bigInt({ min: 0n, max: 2n }),
      second: fc.bigInt({ min: 0n, max: 2n }),
      payload: fc.constantFrom('x', 'y'),
    })
    type Signature = { purpose: string; first: bigint; second: bigint; payload: string }
    const database = await fresh()
    const source = await fresh()
    let keys = 0
    const signAll = async (signer: ReturnType<typeof guard>, signatures: readonly Signature[]) => {
      for (const { purpose, first, second, payload } of signatures)
        await signer.sign(slot(first, second, purpose), text(payload)).catch(() => {})
    }
    const allows = async (signatures: readonly Signature[], probe: Signature): Promise<boolean> => {
      const signer = memorySigningHistory().guard(countingKey('k'))
      await signAll(signer, signatures)
      return signer.sign(slot(probe.first, probe.second, probe.purpose), text(probe.payload)).then(
        () => true,
        () => false,
      )
    }
    const positions = async (keyId: string) =>
      new Map(
        slotsOf((await exported(database, { keys: [keyId] }).catch(() => null))?.content.keys ?? []).map(
          ({ purpose, position }) => [purpose, position.map(BigInt)],
        ),
      )
    await fc.assert(
      fc.asyncProperty(
        fc.array(signature, { maxLength: 4 }),
        fc.array(signature, { minLength: 1, maxLength: 4 }),
        signature,
        async (here, there, probe) => {
          const keyId = `0x${(++keys).toString(16).padStart(64, '0')}`
          await signAll(guard(database, keyId), here)
          await signAll(guard(source, keyId), there)
          const before = await positions(keyId)
          const { content } = await exported(source, { keys: [keyId] })
          const taken = await importHistory({ content, keys: [keyId] }, { database }).then(
            () => true,
            () => false,
          )
          const after = await positions(keyId)
          for (const [purpose, [first = 0n, second = 0n]] of before) {
            const [now = -1n, nowSecond = -1n] = after.get(purpose) ?? []
            expect(now > first || (now === first && nowSecond >= second)).toBe(true)
          }
          if (!taken) expect(after).toEqual(before)
          const granted = await guard(database, keyId)
            .sign(slot(probe.first, probe.second, probe.purpose), text(probe.payload))
            .then(
              () => true,
              () => false,
            )
          const both = (await allows(here, probe)) && (await allows(there, probe))
          if (taken) expect(granted).toBe(both)
          else expect(granted).toBe(await allows(here, probe))
        },
      ),
      { numRuns: 150 },
    )
  })

  it('exports only keys that are asked for, and refuses to export nothing', async () => {
    const database = await fresh()
    await guard(database, report).sign(slot(1n, 0n, 'report'), text('r'))
    const { content, otherKeys } = await exported(database, { keys: [report] })
    expect(content.keys.map(({ keyId }) => keyId)).toEqual([report])
    expect(otherKeys).toEqual([])
    expect((await exported(database)).content.keys.map(({ entries }) => entries.length)).toEqual([0, 1])
    await expect(exported(database, { keys: [consensus], retire: true })).rejects.toMatchObject({
      code: 'SIGNING_HISTORY_EMPTY',
      data: { otherKeys: [report] },
    })
    await refuseRetiredKeys({ keys: held }, { database })
  })
})

describe('a retired key', () => {
  it('signs nothing any more, not even for a process that lost its lock, until its history comes back', async () => {
    const database = await fresh()
    const key = countingKey(consensus)
    // Opened before the retirement, as by a process that does not know yet.
    const signer = signingHistory({ database, metrics: noMetrics }).guard(key)
    await signer.sign(slot(1n, 1n), text('x'))
    const { content, text: file } = await exported(database, { retire: true })
    expect(content.retired).toBe(true)
    for (const at of [slot(1n, 1n), slot(2n, 1n), slot(1n, 1n, 'commit')])
      await expect(signer.sign(at, text('x'))).rejects.toMatchObject({ code: 'SIGNER_UNAVAILABLE' })
    expect(key.signed).toBe(1)
    await expect(refuseRetiredKeys({ keys: [consensus] }, { database })).rejects.toMatchObject({
      code: 'SIGNING_HISTORY_RETIRED',
      retry: false,
      data: { keys: [consensus] },
    })
    // Nothing is lost when the file is: it can be written again, still as that of a retired key.
    expect((await exported(database)).text).toBe(file)
    expect((await exported(database, { retire: true })).text).toBe(file)

    await importHistory({ content: parseHistory(text(file)), keys: held }, { database })
    await refuseRetiredKeys({ keys: held }, { database })
    await signer.sign(slot(2n, 1n), text('x'))
  })

  it('leaves the other keys of the database alone', async () => {
    const database = await fresh()
    await guard(database, consensus).sign(slot(1n, 1n), text('x'))
    await exported(database, { retire: true })
    await guard(database, `0x${'2c'.repeat(32)}`).sign(slot(1n, 1n), text('x'))
  })

  it('has signed nothing that its export does not know, however many claims were on their way', async () => {
    const database = await fresh()
    const signer = guard(database, consensus)
    const signed = new Map<string, bigint>()
    await signer.sign(slot(1n, 0n, 'lane 0'), text('1'))
    const lanes = Array.from({ length: 12 }, async (_, lane) => {
      for (let n = 2n; ; n++) {
        const purpose = `lane ${lane}`
        try {
          await signer.sign(slot(n, 0n, purpose), text(`${n}`))
          signed.set(purpose, n)
        } catch {
          return
        }
      }
    })
    await until(() => [...signed.values()].filter((n) => n > 10n).length === 12)
    const { content } = await exported(database, { retire: true })
    await Promise.all(lanes)
    const known = new Map(
      slotsOf(content.keys).map(({ purpose, position }) => [purpose, BigInt(position[0])]),
    )
    expect(known.size).toBe(12)
    for (const [purpose, n] of signed) expect(known.get(purpose)).toBe(n)
  })
})
