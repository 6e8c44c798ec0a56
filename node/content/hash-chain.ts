import { createHash } from 'node:crypto'
import { _SHA256 } from '@noble/hashes/sha2.js'
import { type ContentPart, PART_BYTES } from '../ports/content.ts'

/**
 * SHA-256 of a content, checked part by part from its end.
 *
 * SHA-256 carries a state of 32 bytes from block to block (FIPS 180-4, section 6.2.2). Whoever knows the state after a part
 * can check the part and the state before it: what leads to the known state is the right one, as two ways to one state
 * would be a collision of the compression function, whose absence SHA-256's own security rests on (Merkle, Damgård, CRYPTO
 * '89). The end is known: the hash itself, whose padding also binds the size. So a content needs no list of its parts' hashes
 * that somebody would have to be believed for, and its name stays the SHA-256 that contracts and manifests have.
 */
class Chain extends _SHA256 {
  /** Goes on after `bytesBefore` bytes, a multiple of 64. */
  resume(state: Uint8Array, bytesBefore: number): void {
    const view = new DataView(state.buffer, state.byteOffset, STATE_BYTES)
    const word = (at: number) => view.getUint32(4 * at)
    this.set(word(0), word(1), word(2), word(3), word(4), word(5), word(6), word(7))
    this.length = bytesBefore
  }

  /** After a multiple of 64 bytes. */
  state(): Uint8Array {
    const state = new Uint8Array(STATE_BYTES)
    const view = new DataView(state.buffer)
    for (const [at, word] of this.get().entries()) view.setInt32(4 * at, word)
    return state
  }
}

export const STATE_BYTES = 32
/** SHA-256's state before the first byte. */
const INITIAL = new Chain().state()

export const partsOf = (size: number): number => Math.max(1, Math.ceil(size / PART_BYTES))

/** Bytes of the part at `index` of a content of `size` bytes. */
export function partLength(size: number, index: number): number {
  return index === partsOf(size) - 1 ? size - index * PART_BYTES : PART_BYTES
}

/** What is known of a content from its end: `state` is that before the part `next + 1`, and null at the end itself. */
export interface Proven {
  readonly size: number
  /** The part that comes next; -1 when all are here. */
  readonly next: number
  readonly state: Uint8Array | null
}

/**
 * Checks the part at `index` against what is proven already, null before the first one, which is the last part. Null for
 * a part that is not of this content.
 */
export function provePart(hash: string, known: Proven | null, part: ContentPart): Proven | null {
  const { size, before, bytes } = part
  if (known !== null && size !== known.size) return null
  const index = known?.next ?? partsOf(size) - 1
  if (index < 0 || before.length !== STATE_BYTES || bytes.length !== partLength(size, index)) return null
  if (index === 0 && !equal(before, INITIAL)) return null
  const chain = new Chain()
  chain.resume(before, index * PART_BYTES)
  chain.update(bytes)
  const right =
    known?.state == null
      ? Buffer.from(chain.digest()).toString('hex') === hash
      : equal(chain.state(), known.state)
  return right ? { size, next: index - 1, state: before.slice() } : null
}

/** Whether what is known leads to the hash: of the parts behind `known.next`, one after another. */
export async function reaches(
  hash: string,
  { next, state }: Proven,
  parts: AsyncIterable<Uint8Array>,
): Promise<boolean> {
  if (state === null) return false
  const chain = new Chain()
  chain.resume(state, (next + 1) * PART_BYTES)
  for await (const part of parts) chain.update(part)
  return Buffer.from(chain.digest()).toString('hex') === hash
}

/** States before each part, one after another, and the hash of it all, of a content that comes part by part. */
export async function statesOf(
  parts: AsyncIterable<Uint8Array>,
): Promise<{ readonly states: readonly Uint8Array[]; readonly hash: string }> {
  const chain = new Chain()
  const whole = createHash('sha256')
  const states = [INITIAL]
  let bytes = 0
  for await (const part of parts) {
    if (bytes > 0) states.push(chain.state())
    chain.update(part)
    whole.update(part)
    bytes += part.length
  }
  return { states, hash: whole.digest('hex') }
}

const equal = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0
