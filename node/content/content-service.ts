import type { Clock } from '../ports/clock.ts'
import type { ContentPeers, Contents } from '../ports/content.ts'
import { ContentError } from '../ports/content-error.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import { type DownloadRequest, download } from './download.ts'
import { type Offers, Shelf } from './shelf.ts'
import { Standing } from './standing.ts'
import { ContentStore } from './store.ts'

/** Of contents for the store; those of models have a place of their own. */
const MOST_AT_ONCE = 4
/** Longer is no transfer of something that fits the store worth. */
const FETCH_MS = 120_000
const REMEMBERED = 4_096

export interface ContentServiceOptions {
  /** Folder of the store. */
  readonly dir: string
  readonly maxBytes: number
  /** Longest that a peer may take for one answer; 10 s when absent. */
  readonly answerMs?: number
  /** A peer that gives fewer than two parts in so long is left for another one; 4 s when absent. */
  readonly windowMs?: number
  /** A content that nobody had is not asked for again before this; 3 s when absent. */
  readonly againMs?: number
}

/** The `Contents` port, and what else the node does with contents. */
export interface ContentService extends Contents {
  /** Takes up what was kept, and begins to answer peers. */
  start(): Promise<void>
  /** Gives up what is under way; its parts stay on disk. */
  stop(): Promise<void>
  /** Fetches a content of any size into a file. Rejects with `ContentError`. */
  fetchFile(request: DownloadRequest): Promise<void>
  /**
   * Asks one peer after another for a model's entry, until `take` has one of that digest. It gives null for another one,
   * which is the peer's fault, and may throw about the right one, which is nobody's. Null when no peer has it.
   */
  fetchEntry<T>(
    digest: `0x${string}`,
    take: (bytes: Uint8Array) => T | null,
    signal: AbortSignal,
  ): Promise<T | null>
}

interface Transfer {
  readonly done: Promise<Uint8Array>
  readonly maxBytes: number
}

export function contentService(
  options: ContentServiceOptions,
  modules: {
    readonly peers: ContentPeers
    /** What peers may have besides what is in the store. */
    readonly offers: readonly Offers[]
    readonly clock: Clock
    readonly log: Logger
    readonly metrics: Metrics
    readonly random?: () => number
  },
): ContentService {
  const { answerMs = 10_000, windowMs = 4_000, againMs = 3_000 } = options
  const { peers, clock, metrics, random = Math.random } = modules
  const log = modules.log.child({ module: 'content' })
  const standing = new Standing({ clock, log, metrics })
  const store = new ContentStore({ dir: options.dir, maxBytes: options.maxBytes }, { clock, metrics })
  const stored: Offers = {
    file: async (hash) => (store.find(hash) === null ? null : store.path(hash)),
    entry: async () => null,
  }
  const fetched = metrics.counter({
    name: 'iyi_content_fetches_total',
    help: 'Contents asked of peers, by outcome',
    labels: ['outcome'],
  })
  const transfers = new Map<string, Transfer>()
  /** When nobody had it, oldest first. */
  const absent = new Map<string, number>()
  const stopped = new AbortController()
  const toPeers = { peers, standing, clock, answerMs, windowMs, random }

  async function transfer(hash: string, maxBytes: number, keepMs: number): Promise<Uint8Array> {
    const late = new AbortController()
    const timer = clock.setTimer(FETCH_MS, () => late.abort())
    const signal = AbortSignal.any([stopped.signal, late.signal])
    try {
      const size = await download({ hash, path: store.path(hash), maxBytes, signal }, toPeers)
      await store.adopt(hash, size, keepMs)
      fetched.inc({ outcome: 'fetched' })
    } catch (error) {
      fetched.inc({ outcome: error instanceof ContentError ? error.code : 'failed' })
      absent.delete(hash)
      absent.set(hash, clock.monotonic())
      for (const oldest of absent.keys()) {
        if (absent.size <= REMEMBERED) break
        absent.delete(oldest)
      }
      throw error
    } finally {
      timer.cancel()
      transfers.delete(hash)
    }
    const bytes = await store.read(hash)
    if (bytes === null) throw unavailable(hash, 'it was given up for others at once')
    return bytes
  }

  function begin(hash: string, maxBytes: number, keepMs: number): Promise<Uint8Array> {
    const known = transfers.get(hash)
    if (known !== undefined && known.maxBytes >= maxBytes) return known.done
    if (stopped.signal.aborted)
      return Promise.reject(new ContentError('CONTENT_STOPPED', 'the node ends', { hash }))
    if (clock.monotonic() - (absent.get(hash) ?? Number.NEGATIVE_INFINITY) < againMs)
      return Promise.reject(unavailable(hash, 'nobody had it a moment ago'))
    if (known !== undefined || transfers.size >= MOST_AT_ONCE)
      return Promise.reject(unavailable(hash, `${transfers.size} others are being fetched`))
    const done = transfer(hash, maxBytes, keepMs)
    done.catch(() => {})
    transfers.set(hash, { done, maxBytes })
    return done
  }

  return {
    async start() {
      await store.start()
      peers.serve(new Shelf([stored, ...modules.offers], { clock, log }))
    },
    async stop() {
      stopped.abort()
      store.stop()
      await Promise.allSettled([...transfers.values()].map(({ done }) => done))
    },
    put: (bytes, { keepMs }) => store.put(bytes, keepMs),
    held: () => store.held(),
    sizeOf: (hash) => store.find(hash)?.size ?? null,
    read: (hash) => store.read(hash),
    keep: (hash, untilMs) => store.keep(hash, untilMs),
    async fetch(hash, { maxBytes, keepMs, signal }) {
      const here = await store.read(hash)
      if (here !== null) return here
      return await orGivenUp(begin(hash, maxBytes, keepMs), hash, signal)
    },
    async fetchFile(request) {
      await download({ ...request, signal: AbortSignal.any([request.signal, stopped.signal]) }, toPeers)
    },
    async fetchEntry(digest, take, signal) {
      const slowLast = (a: string, b: string) => Number(standing.isSlow(a)) - Number(standing.isSlow(b))
      for (const peer of peers.connected().toSorted(slowLast)) {
        if (standing.isAside(peer)) continue
        const until = AbortSignal.any([signal, stopped.signal, AbortSignal.timeout(answerMs)])
        const answer = await peers.ask(peer, { kind: 'entry', digest }, until).catch(() => null)
        if (answer === null && !signal.aborted && !stopped.signal.aborted)
          standing.blame(peer, 'silent', digest)
        if (answer?.kind !== 'entry') continue
        const taken = take(answer.bytes)
        if (taken !== null) return taken
        standing.blame(peer, 'lies', digest)
      }
      return null
    },
  }
}

function unavailable(hash: string, why: string): ContentError {
  return new ContentError('CONTENT_UNAVAILABLE', `${hash} is not here, and ${why}`, { hash })
}

/** Ends the waiting, and not what is waited for. */
async function orGivenUp<T>(work: Promise<T>, hash: string, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work
  const givenUp = Promise.withResolvers<never>()
  const end = () =>
    givenUp.reject(new ContentError('CONTENT_GIVEN_UP', `${hash} did not come in time`, { hash }))
  if (signal.aborted) end()
  signal.addEventListener('abort', end, { once: true })
  try {
    return await Promise.race([work, givenUp.promise])
  } finally {
    signal.removeEventListener('abort', end)
  }
}
