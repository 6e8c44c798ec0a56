import { open, stat } from 'node:fs/promises'
import type { Hex } from '../ports/chain.ts'
import type { Clock } from '../ports/clock.ts'
import { type ContentAnswer, type ContentQuestion, type ContentSource, PART_BYTES } from '../ports/content.ts'
import type { Logger } from '../ports/log.ts'
import { partLength, partsOf, statesOf } from './hash-chain.ts'

/** Of so many contents it is remembered how to prove their parts: 32 bytes for each of them. */
const REMEMBERED = 32
/** Longer is worth no peer's waiting: it is told to come again. */
const PATIENCE_MS = 2_000
/** So many files are proven at once: it is the node's own thread that does it. */
const PROVEN_AT_ONCE = 2

/** What this node gives to others. */
export interface Offers {
  /** The file of a content, by SHA-256. */
  file(hash: string): Promise<string | null>
  /** The manifest entry of a model, by its digest. */
  entry(digest: Hex): Promise<Uint8Array | null>
}

/** Of one file: another one of that name has proofs of its own. */
interface Proofs {
  readonly file: string
  readonly size: number
  /** Null for a file that is not what it is named for. */
  readonly states: readonly Uint8Array[] | null
}

/** Proofs of a file that are there, or computed at the moment. */
interface Kept {
  readonly file: string
  readonly done: Promise<Proofs>
  finished: boolean
}

/** Answers what peers ask, from files: the states that prove a part are computed once a file, in the background. */
export class Shelf implements ContentSource {
  readonly #offers: readonly Offers[]
  readonly #clock: Clock
  readonly #log: Logger
  /** Least recently asked first. */
  readonly #proofs = new Map<string, Kept>()

  #proving = 0

  constructor(offers: readonly Offers[], { clock, log }: { clock: Clock; log: Logger }) {
    this.#offers = offers
    this.#clock = clock
    this.#log = log
  }

  async answer(question: ContentQuestion): Promise<ContentAnswer> {
    if (question.kind === 'entry') {
      const bytes = await this.#first((offers) => offers.entry(question.digest))
      return bytes === null || bytes.length > PART_BYTES ? { kind: 'absent' } : { kind: 'entry', bytes }
    }
    const path = await this.#first((offers) => offers.file(question.hash))
    if (path === null) return { kind: 'absent' }
    const file = await identityOf(path)
    if (file === null) return { kind: 'absent' }
    // Nothing is computed for a part that there is not.
    if (question.index !== 'last' && question.index >= partsOf(file.size)) return { kind: 'absent' }
    const begun = this.#proofsOf(question.hash, path, file.identity)
    const proofs = begun === 'later' ? begun : await this.#soon(begun)
    if (proofs === 'later') return { kind: 'busy' }
    const index = question.index === 'last' ? partsOf(proofs.size) - 1 : question.index
    const before = proofs.states?.[index]
    const bytes = before === undefined ? null : await readPart(path, index, proofs).catch(() => null)
    if (before === undefined || bytes === null) return { kind: 'absent' }
    return { kind: 'part', part: { size: proofs.size, before, bytes } }
  }

  async #first<T>(ask: (offers: Offers) => Promise<T | null>): Promise<T | null> {
    for (const offers of this.#offers) {
      const found = await ask(offers)
      if (found !== null) return found
    }
    return null
  }

  #proofsOf(hash: string, path: string, file: string): Promise<Proofs> | 'later' {
    const known = this.#proofs.get(hash)
    if (known?.file !== file && this.#proving >= PROVEN_AT_ONCE) return 'later'
    const proofs = known?.file === file ? known : this.#begin(hash, path, file)
    this.#proofs.delete(hash)
    this.#proofs.set(hash, proofs)
    for (const [oldest, { finished }] of this.#proofs) {
      if (this.#proofs.size <= REMEMBERED) break
      if (finished) this.#proofs.delete(oldest)
    }
    return proofs.done
  }

  #begin(hash: string, path: string, file: string): Kept {
    this.#proving++
    const done = this.#prove(hash, path, file).finally(() => {
      this.#proving--
      proofs.finished = true
    })
    const proofs: Kept = { file, done, finished: false }
    return proofs
  }

  /** Never rejects: what can't be read is given to nobody. */
  async #prove(hash: string, path: string, file: string): Promise<Proofs> {
    try {
      const { size } = await stat(path)
      const { states, hash: actual } = await statesOf(partsIn(path))
      if (actual === hash) return { file, size, states }
      this.#log.warn({ path, hash, actual }, 'Give a file to no peer: it is not what it is named for')
    } catch (error) {
      this.#log.debug({ path, hash, err: error }, 'Give a file to no peer: it can not be read')
    }
    return { file, size: 0, states: null }
  }

  async #soon<T>(work: Promise<T>): Promise<T | 'later'> {
    const late = Promise.withResolvers<'later'>()
    const timer = this.#clock.setTimer(PATIENCE_MS, () => late.resolve('later'))
    try {
      return await Promise.race([work, late.promise])
    } finally {
      timer.cancel()
    }
  }
}

/** Tells a file from another one that took its place; null when there is none. */
async function identityOf(
  path: string,
): Promise<{ readonly identity: string; readonly size: number } | null> {
  const found = await stat(path, { bigint: true }).catch(() => null)
  if (found === null) return null
  const { dev, ino, size, mtimeNs, ctimeNs } = found
  return { identity: [dev, ino, size, mtimeNs, ctimeNs].join(' '), size: Number(size) }
}

async function* partsIn(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path)
  try {
    for (let at = 0; ; at += PART_BYTES) {
      const bytes = new Uint8Array(PART_BYTES)
      const { bytesRead } = await file.read(bytes, 0, PART_BYTES, at)
      if (bytesRead > 0) yield bytes.subarray(0, bytesRead)
      if (bytesRead < PART_BYTES) return
    }
  } finally {
    await file.close()
  }
}

/** Null when the file has changed since. */
async function readPart(path: string, index: number, { size }: Proofs): Promise<Uint8Array | null> {
  const file = await open(path)
  try {
    if ((await file.stat()).size !== size) return null
    const bytes = new Uint8Array(partLength(size, index))
    const { bytesRead } = await file.read(bytes, 0, bytes.length, index * PART_BYTES)
    return bytesRead === bytes.length ? bytes : null
  } finally {
    await file.close()
  }
}
