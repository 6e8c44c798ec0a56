import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises'
import { PART_BYTES } from '../ports/content.ts'
import { type Proven, partLength, partsOf, reaches, STATE_BYTES } from './hash-chain.ts'

/** So many parts are written between two notes of how far it is. */
const NOTE_EVERY = 32

/** A content on its way into a file: its proven end is in `<path>.part`, and how far that reaches in `<path>.part.json`. */
export class Partial {
  readonly #path: string
  #file: FileHandle | null = null
  #proven: Proven | null
  #unnoted = 0
  #resumed: boolean

  private constructor(path: string, proven: Proven | null) {
    this.#path = path
    this.#proven = proven
    this.#resumed = proven !== null
  }

  /** Goes on where an earlier one ended; what it left that can't be used is begun anew. */
  static async open(path: string): Promise<Partial> {
    const partial = new Partial(path, await readNote(path))
    partial.#file = await open(`${path}.part`, 'r+').catch(() => null)
    if (partial.#file === null) await partial.forget()
    partial.#file ??= await open(`${path}.part`, 'w+')
    return partial
  }

  get proven(): Proven | null {
    return this.#proven
  }

  /** Nothing came yet since it was opened: where it goes on is what a disk says. */
  get resumed(): boolean {
    return this.#resumed
  }

  /** Whether what an earlier run left leads to the hash: all of it is read. What can't be read does not. */
  async leadsTo(hash: string): Promise<boolean> {
    const [file, proven] = [this.#file, this.#proven]
    if (file === null || proven === null) return false
    this.#resumed = !(await reaches(hash, proven, tailIn(file, proven)).catch(() => false))
    return !this.#resumed
  }

  /** Begins anew, whatever an earlier note says. */
  async forget(): Promise<void> {
    this.#proven = null
    this.#resumed = false
    await rm(`${this.#path}.part.json`, { force: true })
  }

  /** Keeps a part that was proven to come next. */
  async add(bytes: Uint8Array, proven: Proven): Promise<void> {
    await this.#file?.write(bytes, 0, bytes.length, (proven.next + 1) * PART_BYTES)
    this.#proven = proven
    this.#resumed = false
    if (++this.#unnoted >= NOTE_EVERY) await this.#note()
  }

  /** Notes how far it is, and closes it. */
  async close(): Promise<void> {
    if (this.#file === null) return
    try {
      if (this.#unnoted > 0) await this.#note()
    } finally {
      await this.#file.close()
      this.#file = null
    }
  }

  /** Gives the file its name, once all parts are there. */
  async finish(): Promise<void> {
    await this.#file?.sync()
    await this.#file?.close()
    this.#file = null
    await rename(`${this.#path}.part`, this.#path)
    await rm(`${this.#path}.part.json`, { force: true })
  }

  /** On disk before it is noted, so that a note never tells more than there is. */
  async #note(): Promise<void> {
    const { size, next, state } = this.#proven ?? { size: 0, next: -1, state: null }
    await this.#file?.datasync()
    const note = JSON.stringify({ size, next, state: Buffer.from(state ?? []).toString('hex') })
    const file = await open(`${this.#path}.part.json.new`, 'w')
    try {
      await file.writeFile(note)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(`${this.#path}.part.json.new`, `${this.#path}.part.json`)
    this.#unnoted = 0
  }
}

/** Takes away what is left of one that nobody wants any more. */
export async function dropPartial(path: string): Promise<void> {
  for (const end of ['.part', '.part.json', '.part.json.new']) await rm(`${path}${end}`, { force: true })
}

async function readNote(path: string): Promise<Proven | null> {
  try {
    const { size, next, state } = JSON.parse(await readFile(`${path}.part.json`, 'utf8'))
    const bytes = Buffer.from(state, 'hex')
    const fits = Number.isSafeInteger(size) && Number.isSafeInteger(next) && next >= -1
    return fits && next < partsOf(size) - 1 && bytes.length === STATE_BYTES
      ? { size, next, state: new Uint8Array(bytes) }
      : null
  } catch {
    return null
  }
}

async function* tailIn(file: FileHandle, { size, next }: Proven): AsyncGenerator<Uint8Array> {
  for (let index = next + 1; index < partsOf(size); index++) {
    const bytes = new Uint8Array(partLength(size, index))
    const { bytesRead } = await file.read(bytes, 0, bytes.length, index * PART_BYTES)
    yield bytes.subarray(0, bytesRead)
  }
}
