import type { Hex } from '../../ports/chain.ts'
import {
  readVersionStates,
  stampOfVersionStates,
  type VersionRecord,
  writeVersionState,
} from './version-states.ts'

/** What was decided of versions, on disk; what the node itself decides holds at once, saved or not. */
export class Decisions {
  readonly #folder: string | null
  #decided: ReadonlyMap<Hex, VersionRecord> = new Map()
  /** Set aside here, and not on disk. */
  readonly #aside = new Map<Hex, VersionRecord>()
  /** One reading or writing of the folder after another. */
  #work: Promise<void> = Promise.resolve()

  /** @param folder null: nothing is kept, or known from before */
  constructor(folder: string | null) {
    this.#folder = folder
  }

  of(digest: Hex): VersionRecord | undefined {
    return this.#decided.get(digest) ?? this.#aside.get(digest)
  }

  /** What the node set aside, and the operator said nothing of yet. */
  setAside(): readonly (readonly [Hex, VersionRecord])[] {
    return [...this.#aside, ...this.#decided].filter(
      ([, { state, by }]) => state === 'set-aside' && by === 'node',
    )
  }

  /** Tells whether something was decided since. */
  async stamp(): Promise<string> {
    return this.#folder === null ? '' : await stampOfVersionStates(this.#folder)
  }

  /** Reads what was decided. Rejects when the folder can't be read. */
  async refresh(): Promise<void> {
    const folder = this.#folder
    if (folder === null) return
    const read = this.#work.then(async () => {
      this.#decided = await readVersionStates(folder)
    })
    this.#work = read.catch(() => {})
    await read
  }

  /** Rejects when it can't be saved; it holds until the node ends all the same. */
  async save(digest: Hex, record: VersionRecord): Promise<void> {
    this.#aside.set(digest, record)
    const folder = this.#folder
    if (folder === null) return
    const written = this.#work.then(async () => {
      await writeVersionState(folder, digest, record)
      this.#decided = new Map(this.#decided).set(digest, record)
      this.#aside.delete(digest)
    })
    this.#work = written.catch(() => {})
    await written
  }

  /** Resolves once nothing is read or written any more. */
  async settled(): Promise<void> {
    await this.#work
  }
}
