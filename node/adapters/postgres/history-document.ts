import { createHash } from 'node:crypto'
import { z } from 'zod'
import { SigningHistoryError } from './errors.ts'
import { maxPosition, purposePattern, scopePattern } from './signing-slot.ts'

// The interchange document: docs/signing-history.md describes it for readers in other languages.

const FORMAT = 'iyi-signing-history'
const VERSION = 1
/** Largest document that is read or written, in bytes of UTF-8. */
export const maxDocumentBytes = 64 * 1024 * 1024
const MAX_KEYS = 64
const MAX_ENTRIES = 100_000

const bytes32 = () => z.string().regex(/^0x[0-9a-f]{64}$/, 'expected 32 bytes in lower-case hex')
const part = () =>
  z
    .string()
    .refine(
      (text) => /^(?:0|[1-9]\d{0,77})$/.test(text) && BigInt(text) <= maxPosition,
      'expected an unsigned 256-bit integer in decimal digits',
    )

const entrySchema = z.strictObject({
  purpose: z.string().regex(purposePattern, 'expected 1 to 128 printable ASCII characters'),
  scope: z.string().regex(scopePattern, 'expected 32 bytes in lower-case hex'),
  position: z.tuple([part(), part()]),
  payloadDigest: bytes32(),
})
const keySchema = z.strictObject({
  keyId: z
    .string()
    .regex(/^0x(?:[0-9a-f]{64}|[0-9a-fA-F]{40})$/, 'expected an ed25519 public key or an address'),
  entries: z.array(entrySchema).max(MAX_ENTRIES),
})
const bodySchema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  createdAt: z.iso.datetime({ precision: 3, error: 'expected a time such as 2026-01-31T12:00:00.000Z' }),
  retired: z.boolean(),
  keys: z.array(keySchema).min(1).max(MAX_KEYS),
})
const documentSchema = bodySchema.extend({ checksum: bytes32() })

/** The highest slot that a key signed for one purpose and scope, and the SHA-256 of what it signed there. */
export type HistoryEntry = z.output<typeof entrySchema>
export type KeyHistory = z.output<typeof keySchema>
/** What a document says, its checksum apart. */
export type HistoryContent = Pick<z.output<typeof bodySchema>, 'createdAt' | 'retired' | 'keys'>

/**
 * The text of a document, keys and entries in their canonical order.
 *
 * @throws SigningHistoryError `SIGNING_HISTORY_UNEXPORTABLE`: what is written here, `parseHistory` reads
 */
export function formatHistory({ createdAt, retired, keys }: HistoryContent): string {
  const body = {
    format: FORMAT,
    version: VERSION,
    createdAt,
    retired,
    keys: keys
      .map(({ keyId, entries }) => ({ keyId, entries: entries.toSorted(byName(entryName)) }))
      .toSorted(byName(keyName)),
  }
  const checked = bodySchema.safeParse(body)
  const fault = checked.success ? faultOf(checked.data.keys) : firstIssue(checked.error)
  if (!checked.success || fault !== null) {
    throw new SigningHistoryError(
      'SIGNING_HISTORY_UNEXPORTABLE',
      `The signing history holds what its file format can't carry (${fault}). Move the whole database instead.`,
      { data: { fault } },
    )
  }
  return `${JSON.stringify({ ...body, checksum: checksumOf(checked.data) }, null, 2)}\n`
}

/**
 * Reads a document, believing nothing of it.
 *
 * @throws SigningHistoryError `SIGNING_HISTORY_BAD_FILE`, `SIGNING_HISTORY_BAD_VERSION`, `SIGNING_HISTORY_BAD_CHECKSUM`
 */
export function parseHistory(bytes: Uint8Array): HistoryContent {
  if (bytes.byteLength > maxDocumentBytes) throw badFile(`it has more than ${maxDocumentBytes} bytes`)
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw badFile('it is no JSON in UTF-8: empty, torn, or another file', cause)
  }
  const kind = z.looseObject({ format: z.literal(FORMAT), version: z.int().min(1) }).safeParse(value)
  if (!kind.success) throw badFile(`it does not say that its format is ${FORMAT} of some version`)
  if (kind.data.version !== VERSION) {
    throw new SigningHistoryError(
      'SIGNING_HISTORY_BAD_VERSION',
      `The file has version ${kind.data.version} of the format; this node reads version ${VERSION}. Import it with the release that wrote it, or a later one.`,
      { data: { version: kind.data.version } },
    )
  }
  const parsed = documentSchema.safeParse(value)
  if (!parsed.success) throw badFile(firstIssue(parsed.error))
  const { checksum, ...body } = parsed.data
  const fault = faultOf(body.keys)
  if (fault !== null) throw badFile(fault)
  if (checksum !== checksumOf(body)) {
    throw new SigningHistoryError(
      'SIGNING_HISTORY_BAD_CHECKSUM',
      'The file is not as it was written: its checksum differs. Copy it again from where it was exported; never correct it by hand.',
      { data: {} },
    )
  }
  return body
}

/** SHA-256 of the canonical form (RFC 8785): members sorted by name, no white space. All strings here are ASCII. */
function checksumOf({ createdAt, retired, keys }: HistoryContent): string {
  const canonical = JSON.stringify({
    createdAt,
    format: FORMAT,
    keys: keys.map(({ keyId, entries }) => ({
      entries: entries.map(({ payloadDigest, position, purpose, scope }) => ({
        payloadDigest,
        position,
        purpose,
        scope,
      })),
      keyId,
    })),
    retired,
    version: VERSION,
  })
  return `0x${createHash('sha256').update(canonical).digest('hex')}`
}

const keyName = ({ keyId }: KeyHistory) => keyId
// U+0000 sorts below all that a purpose may hold: a purpose comes before those that it begins.
const entryName = ({ purpose, scope }: HistoryEntry) => `${purpose}\0${scope}`
const byName =
  <T>(name: (item: T) => string) =>
  (a: T, b: T): number =>
    name(a) < name(b) ? -1 : 1

/** What the schema of single values can't see: order, repetitions, and the whole. */
function faultOf(keys: readonly KeyHistory[]): string | null {
  const count = keys.reduce((sum, { entries }) => sum + entries.length, 0)
  if (count === 0) return 'it has no entry, so it protects nothing'
  if (count > MAX_ENTRIES) return `it has more than ${MAX_ENTRIES} entries`
  if (!ascends(keys.map(keyName))) return 'its keys are not in ascending order, each once'
  if (!keys.every(({ entries }) => ascends(entries.map(entryName))))
    return 'the entries of a key are not in ascending order of purpose and scope, each once'
  return null
}

function ascends(names: readonly string[]): boolean {
  return names.every((name, at) => at === 0 || (names[at - 1] ?? '') < name)
}

function firstIssue(error: z.ZodError): string {
  const [issue] = error.issues
  return `${issue?.path.join('.') || 'the document'}: ${issue?.message}`
}

function badFile(fault: string, cause?: unknown): SigningHistoryError {
  return new SigningHistoryError(
    'SIGNING_HISTORY_BAD_FILE',
    `The file can't be used as a signing history: ${fault}. Nothing was changed. Copy it again from where it was exported.`,
    { data: { fault }, cause },
  )
}
