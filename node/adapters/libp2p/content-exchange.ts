import type { Connection, Stream } from '@libp2p/interface'
import type { Clock } from '../../ports/clock.ts'
import type { ContentAnswer, ContentPeers, ContentQuestion, ContentSource } from '../../ports/content.ts'
import { ContentError } from '../../ports/content-error.ts'
import type { Logger } from '../../ports/log.ts'
import type { Counter, Metrics } from '../../ports/metrics.ts'
import { coolDownMs } from './backoff.ts'
import { ContentAsker } from './content-asker.ts'
import { MAX_ANSWER_BYTES } from './content-frames.ts'
import { type ContentFault, serveContents } from './content-server.ts'
import { Pace } from './pace.ts'
import { TokenBucket } from './token-bucket.ts'

/** Content streams' protocol id, negotiated by multistream-select. */
export const CONTENT_PROTOCOL = '/iyi/content/1'
/** Streams of one connection: each side asks on one, and a second may overlap while the first ends. */
export const CONTENT_STREAMS = 2
const OPEN_TIMEOUT_MS = 5_000
/** More than a peer opens that asks again after each one that was given up. */
const OPENINGS = { ratePerSecond: 2, burst: 20 } as const
const DEFAULT_RATE = 8 * 2 ** 20
/** To all peers together, as a multiple of what one may have. */
const TOGETHER = 4

export interface ContentExchangeOptions {
  /** Bytes per second that one peer is given; 8 MiB when absent. All together get at most four times that. */
  readonly bytesPerSecond?: number
}

export interface ContentExchangeModules {
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  /** The newest open connection to a member; null without one. */
  readonly connection: (peer: string) => Connection | null
  /** Members that are connected. */
  readonly members: () => readonly string[]
}

interface Served {
  readonly pace: Pace
  readonly openings: TokenBucket
  offences: number
  shutUntilMs: number
}

/**
 * Questions and answers about contents, on streams of their own beside the quorum's. Only who may open a quorum stream is
 * answered. What breaks this protocol costs a peer its answers for a while, never its place in the quorum.
 */
export class ContentExchange implements ContentPeers {
  readonly #m: Omit<ContentExchangeModules, 'metrics'>
  readonly #rate: number
  readonly #all: Pace
  readonly #bytes: Counter
  readonly #faults: Counter
  readonly #askers = new Map<string, Promise<ContentAsker>>()
  readonly #served = new Map<string, Served>()
  #source: ContentSource | null = null

  constructor(
    { bytesPerSecond = DEFAULT_RATE }: ContentExchangeOptions,
    { metrics, ...modules }: ContentExchangeModules,
  ) {
    this.#m = modules
    this.#rate = bytesPerSecond
    this.#all = this.#pace(bytesPerSecond * TOGETHER)
    this.#bytes = metrics.counter({
      name: 'iyi_content_sent_bytes_total',
      help: 'Bytes of contents given to a peer',
      labels: ['peer'],
    })
    this.#faults = metrics.counter({
      name: 'iyi_content_violations_total',
      help: 'Content streams ended for what their peer sent',
      labels: ['peer', 'reason'],
    })
  }

  connected(): readonly string[] {
    return this.#m.members()
  }

  serve(source: ContentSource): void {
    this.#source = source
  }

  async ask(peer: string, question: ContentQuestion, signal: AbortSignal): Promise<ContentAnswer> {
    const asker = await this.#asker(peer)
    return await asker.ask(question, signal)
  }

  /** A member opened a stream to ask on. */
  onStream(peer: string, stream: Stream): void {
    const served = this.#servedOf(peer)
    const nowMs = this.#m.clock.monotonic()
    if (this.#source === null || nowMs < served.shutUntilMs) stream.abort(new Error('Not now'))
    else if (!served.openings.take(1, nowMs)) {
      stream.abort(new Error('Too many streams'))
      this.#shut(peer, 'flooding')
    } else
      serveContents(stream, {
        source: this.#source,
        clock: this.#m.clock,
        pace: (bytes) => this.#wait(Math.max(served.pace.delayFor(bytes), this.#all.delayFor(bytes))),
        onSent: (bytes) => this.#bytes.inc({ peer }, bytes),
        onFault: (fault) => this.#shut(peer, fault),
      })
  }

  /** Forgets a peer that is no member any more. */
  forget(peer: string): void {
    this.#served.delete(peer)
    void this.#askers.get(peer)?.then(
      (asker) => asker.end(),
      () => {},
    )
  }

  #asker(peer: string): Promise<ContentAsker> {
    const known = this.#askers.get(peer)
    if (known !== undefined) return known
    const opening = this.#open(peer)
    this.#askers.set(peer, opening)
    opening.catch(() => this.#drop(peer, opening))
    return opening
  }

  async #open(peer: string): Promise<ContentAsker> {
    const connection = this.#m.connection(peer)
    const lost = (why: string, cause?: unknown) =>
      new ContentError('CONTENT_PEER_LOST', `peer ${peer} gave no answer: ${why}`, { peer }, cause)
    if (connection === null) throw lost('it is not connected')
    try {
      const stream = await connection.newStream(CONTENT_PROTOCOL, {
        signal: AbortSignal.timeout(OPEN_TIMEOUT_MS),
      })
      const opened = this.#askers.get(peer)
      return new ContentAsker(peer, stream, () => this.#drop(peer, opened))
    } catch (cause) {
      throw lost('it takes no stream', cause)
    }
  }

  #drop(peer: string, asker: Promise<ContentAsker> | undefined): void {
    if (this.#askers.get(peer) === asker) this.#askers.delete(peer)
  }

  #servedOf(peer: string): Served {
    const known = this.#served.get(peer)
    if (known !== undefined) return known
    const served = {
      pace: this.#pace(this.#rate),
      openings: new TokenBucket(OPENINGS, this.#m.clock.monotonic()),
      ...{ offences: 0, shutUntilMs: Number.NEGATIVE_INFINITY },
    }
    this.#served.set(peer, served)
    return served
  }

  #pace(bytesPerSecond: number): Pace {
    return new Pace({ bytesPerSecond, burst: Math.max(bytesPerSecond, MAX_ANSWER_BYTES) }, this.#m)
  }

  #wait(ms: number): Promise<void> {
    if (ms <= 0) return Promise.resolve()
    return new Promise((resolve) => void this.#m.clock.setTimer(ms, resolve))
  }

  #shut(peer: string, fault: ContentFault): void {
    const served = this.#servedOf(peer)
    const shutMs = coolDownMs(++served.offences)
    served.shutUntilMs = this.#m.clock.monotonic() + shutMs
    this.#faults.inc({ peer, reason: fault })
    this.#m.log.warn(
      { peer, violation: fault, shutMs },
      'Give a peer no contents for a while: it broke the content protocol or floods; check with its operator',
    )
  }
}
