import { type ContentAnswer, type ContentQuestion, PART_BYTES } from '../../ports/content.ts'

/**
 * Questions and answers on a content stream, big-endian. A question is always as long as another:
 *
 *     u8 kind (1 part, 2 entry) | 32 bytes hash or digest | u32 index, all ones for the last part and for an entry
 *
 * and an answer begins with its kind and the length of its bytes:
 *
 *     u8 kind (0 absent, 1 part, 2 entry, 3 busy) | u32 length | for a part: u64 size, 32 bytes state | bytes
 */
export const QUESTION_BYTES = 37
const HEAD_BYTES = 5
const PROOF_BYTES = 40
const LAST = 0xffff_ffff
/** An answer is never longer. */
export const MAX_ANSWER_BYTES = HEAD_BYTES + PROOF_BYTES + PART_BYTES
const ANSWERS = ['absent', 'part', 'entry', 'busy'] as const
/** Far above what anybody may ask for; sizes above are no numbers to reckon with. */
const MAX_SIZE = 2n ** 40n

export function encodeQuestion(question: ContentQuestion): Uint8Array {
  const bytes = new Uint8Array(QUESTION_BYTES)
  const isPart = question.kind === 'part'
  bytes[0] = isPart ? 1 : 2
  bytes.set(Buffer.from(isPart ? question.hash : question.digest.slice(2), 'hex'), 1)
  const index = isPart && question.index !== 'last' ? question.index : LAST
  new DataView(bytes.buffer).setUint32(33, index)
  return bytes
}

/** Null for bytes that are no question. */
export function decodeQuestion(bytes: Uint8Array): ContentQuestion | null {
  if (bytes.length !== QUESTION_BYTES) return null
  const name = Buffer.from(bytes.subarray(1, 33)).toString('hex')
  const index = new DataView(bytes.buffer, bytes.byteOffset).getUint32(33)
  if (bytes[0] === 1) return { kind: 'part', hash: name, index: index === LAST ? 'last' : index }
  return bytes[0] === 2 && index === LAST ? { kind: 'entry', digest: `0x${name}` } : null
}

export function encodeAnswer(answer: ContentAnswer): Uint8Array {
  const payload = answer.kind === 'part' ? answer.part.bytes : answer.kind === 'entry' ? answer.bytes : null
  const proof = answer.kind === 'part' ? PROOF_BYTES : 0
  const bytes = new Uint8Array(HEAD_BYTES + proof + (payload?.length ?? 0))
  const view = new DataView(bytes.buffer)
  bytes[0] = ANSWERS.indexOf(answer.kind)
  view.setUint32(1, payload?.length ?? 0)
  if (answer.kind === 'part') {
    view.setBigUint64(HEAD_BYTES, BigInt(answer.part.size))
    bytes.set(answer.part.before, HEAD_BYTES + 8)
  }
  if (payload !== null) bytes.set(payload, HEAD_BYTES + proof)
  return bytes
}

/** Of how many bytes the answer is that these begin; of so many at least while that can't be seen. */
export function answerLength(bytes: Uint8Array): number {
  if (bytes.length < HEAD_BYTES) return HEAD_BYTES
  const payload = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(1)
  return HEAD_BYTES + (bytes[0] === ANSWERS.indexOf('part') ? PROOF_BYTES : 0) + payload
}

/**
 * The answer that `bytes` begin with, and how many of them it is; null while it is not all there, `malformed` when it never
 * will be one.
 */
export function decodeAnswer(
  bytes: Uint8Array,
): { readonly answer: ContentAnswer; readonly length: number } | null | 'malformed' {
  const kind = bytes[0] === undefined ? null : ANSWERS[bytes[0]]
  if (kind === undefined) return 'malformed'
  if (kind === null || bytes.length < HEAD_BYTES) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const payload = view.getUint32(1)
  const proof = kind === 'part' ? PROOF_BYTES : 0
  const length = HEAD_BYTES + proof + payload
  const empty = kind === 'absent' || kind === 'busy'
  if (payload > PART_BYTES || (empty && payload > 0)) return 'malformed'
  if (bytes.length < length) return null
  if (kind === 'absent' || kind === 'busy') return { answer: { kind }, length }
  const content = bytes.slice(HEAD_BYTES + proof, length)
  if (kind === 'entry') return { answer: { kind, bytes: content }, length }
  const size = view.getBigUint64(HEAD_BYTES)
  if (size > MAX_SIZE) return 'malformed'
  const before = bytes.slice(HEAD_BYTES + 8, HEAD_BYTES + PROOF_BYTES)
  return { answer: { kind, part: { size: Number(size), before, bytes: content } }, length }
}
