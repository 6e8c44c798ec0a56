import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock, Timer } from '../ports/clock.ts'
import type { KeptContent } from '../ports/content.ts'
import { ContentError } from '../ports/content-error.ts'
import type { Gauge, Metrics } from '../ports/metrics.ts'
import { dropPartial } from './partial.ts'

const NAME = /^[0-9a-f]{64}$/
const SWEEP_MS = 30_000
/** Of what is fetched in parts, since its last part came; and so many of them, the newest. */
const PARTIAL_MS = 3_600_000
const MOST_PARTIALS = 64
/** Each counts as so much at least: a file of one byte takes a block of the disk, too. */
const LEAST_BYTES = 4_096
/** What a look at all of them may cost. */
const MOST = 16_384

const roomOf = (size: number) => Math.max(size, LEAST_BYTES)

interface Entry {
  readonly size: number
  /** Unix milliseconds; on disk it is the file's time of change, so that a restart keeps it. */
  until: number
  /** Somebody needs it until then. */
  needed: boolean
}

/**
 * Contents as files named by their hash, bounded by size and age. What its time is over for goes; when there is no room,
 * what would go first goes first, but nothing that somebody needs.
 */
export class ContentStore {
  readonly #dir: string
  readonly #maxBytes: number
  readonly #clock: Clock
  readonly #size: Gauge
  readonly #entries = new Map<string, Entry>()
  #bytes = 0
  /** One change after another, so that two never take the same room. */
  #work: Promise<unknown> = Promise.resolve()
  #timer: Timer | null = null

  constructor(
    options: { readonly dir: string; readonly maxBytes: number },
    { clock, metrics }: { clock: Clock; metrics: Metrics },
  ) {
    this.#dir = options.dir
    this.#maxBytes = options.maxBytes
    this.#clock = clock
    this.#size = metrics.gauge({ name: 'iyi_content_store_bytes', help: 'Contents that are kept on disk' })
  }

  /** Takes up what an earlier run kept. */
  async start(): Promise<void> {
    await mkdir(this.#dir, { recursive: true })
    for (const name of await readdir(this.#dir)) {
      const { size, mtimeMs } = await stat(this.path(name))
      if (NAME.test(name)) this.#enter(name, { size, until: mtimeMs, needed: false })
      // Half of a write.
      else if (name.endsWith('.new')) await rm(this.path(name), { force: true })
    }
    const sweep = async () => {
      // What can't be taken away now is tried again.
      await this.#inTurn(() => this.#sweep()).catch(() => {})
      this.#timer = this.#clock.setTimer(SWEEP_MS, () => void sweep())
    }
    await sweep()
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** Where a content's file is, or will be. */
  path(hash: string): string {
    return join(this.#dir, hash)
  }

  held(): readonly string[] {
    return [...this.#entries.keys()].filter((hash) => this.find(hash) !== null)
  }

  find(hash: string): { readonly size: number; readonly until: number } | null {
    const entry = this.#entries.get(hash)
    return entry === undefined || entry.until <= this.#clock.now() ? null : entry
  }

  async read(hash: string): Promise<Uint8Array | null> {
    if (this.find(hash) === null) return null
    const bytes = await readFile(this.path(hash)).catch(() => null)
    // Gone, or another one than was written: nothing here may give it out.
    if (bytes !== null && createHash('sha256').update(bytes).digest('hex') === hash) return bytes
    await this.#drop(hash)
    return null
  }

  /** Rejects with `ContentError` `CONTENT_FULL`, `CONTENT_TOO_LARGE`. */
  put(bytes: Uint8Array, keepMs: number): Promise<KeptContent> {
    return this.#inTurn(() => this.#put(bytes, keepMs))
  }

  /** Makes a file that came to lie at its `path` one of the store's. Rejects with `CONTENT_FULL`, `CONTENT_TOO_LARGE`. */
  adopt(hash: string, size: number, keepMs: number): Promise<KeptContent> {
    return this.#inTurn(() => this.#adopt(hash, size, keepMs))
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#work.then(change)
    this.#work = done.catch(() => {})
    return done
  }

  async #put(bytes: Uint8Array, keepMs: number): Promise<KeptContent> {
    const hash = createHash('sha256').update(bytes).digest('hex')
    if (this.find(hash) !== null) return this.#extended(hash, keepMs)
    await this.#makeRoom(bytes.length)
    const temporary = this.path(`${randomUUID()}.new`)
    const file = await open(temporary, 'wx')
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, this.path(hash))
    return await this.#adopt(hash, bytes.length, keepMs)
  }

  async #adopt(hash: string, size: number, keepMs: number): Promise<KeptContent> {
    if (!this.#entries.has(hash))
      await this.#makeRoom(size).catch(async (error: unknown) => {
        await rm(this.path(hash), { force: true })
        throw error
      })
    const until = this.#clock.now() + keepMs
    await utimes(this.path(hash), new Date(until), new Date(until))
    this.#enter(hash, { size, until, needed: false })
    return { hash, size, keptUntil: until }
  }

  /** Until then it is not given up for others. */
  keep(hash: string, untilMs: number): void {
    const entry = this.#entries.get(hash)
    if (entry === undefined) return
    entry.needed = true
    if (untilMs <= entry.until) return
    entry.until = untilMs
    void utimes(this.path(hash), new Date(untilMs), new Date(untilMs)).catch(() => {})
  }

  #extended(hash: string, keepMs: number): KeptContent {
    const entry = this.#entries.get(hash)
    const until = Math.max(entry?.until ?? 0, this.#clock.now() + keepMs)
    if (entry !== undefined && until > entry.until) {
      entry.until = until
      void utimes(this.path(hash), new Date(until), new Date(until)).catch(() => {})
    }
    return { hash, size: entry?.size ?? 0, keptUntil: until }
  }

  #enter(hash: string, entry: Entry): void {
    const old = this.#entries.get(hash)
    this.#bytes += roomOf(entry.size) - (old === undefined ? 0 : roomOf(old.size))
    this.#entries.set(hash, entry)
    this.#size.set(this.#bytes)
  }

  async #drop(hash: string): Promise<void> {
    const old = this.#entries.get(hash)
    if (old !== undefined) this.#bytes -= roomOf(old.size)
    this.#entries.delete(hash)
    this.#size.set(this.#bytes)
    await rm(this.path(hash), { force: true })
  }

  async #sweep(): Promise<void> {
    const nowMs = this.#clock.now()
    for (const [hash, { until }] of this.#entries) if (until <= nowMs) await this.#drop(hash)
    const partials: { name: string; mtimeMs: number }[] = []
    for (const name of await readdir(this.#dir)) {
      const found = name.endsWith('.part') ? await stat(this.path(name)).catch(() => null) : null
      if (found !== null) partials.push({ name, mtimeMs: found.mtimeMs })
    }
    partials.sort((a, b) => b.mtimeMs - a.mtimeMs)
    for (const [at, { name, mtimeMs }] of partials.entries())
      if (at >= MOST_PARTIALS || mtimeMs + PARTIAL_MS < nowMs)
        await dropPartial(this.path(name.slice(0, -'.part'.length)))
  }

  async #makeRoom(size: number): Promise<void> {
    if (size > this.#maxBytes)
      throw new ContentError(
        'CONTENT_TOO_LARGE',
        `a content of ${size} bytes does not fit: all together may have ${this.#maxBytes} (content.maxMb)`,
      )
    await this.#sweep()
    const fits = () => this.#bytes + roomOf(size) <= this.#maxBytes && this.#entries.size < MOST
    const idle = [...this.#entries]
      .filter(([, { needed }]) => !needed)
      .sort(([, a], [, b]) => a.until - b.until)
    for (const [hash] of idle) {
      if (fits()) return
      await this.#drop(hash)
    }
    if (!fits())
      throw new ContentError(
        'CONTENT_FULL',
        'there is no room for another content: all that is kept is needed. Try again later, or raise content.maxMb',
      )
  }
}
