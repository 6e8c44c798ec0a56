import type { Stream } from '@libp2p/interface'
import type { ContentAnswer, ContentQuestion } from '../../ports/content.ts'
import { ContentError } from '../../ports/content-error.ts'
import { answerLength, decodeAnswer, encodeQuestion, MAX_ANSWER_BYTES } from './content-frames.ts'

/** Each keeps alive what it was read with. */
const MOST_PIECES = 256

interface Waiting {
  readonly settle: (answer: ContentAnswer | ContentError) => void
  /** Nobody waits any more: the answer is passed over when it comes. */
  given: boolean
}

/** Questions to one peer over one stream, answered in their order. */
export class ContentAsker {
  readonly #peer: string
  readonly #stream: Stream
  readonly #waiting: Waiting[] = []
  /** What came of the next answer, joined once there is enough to look at. */
  #held: Uint8Array[] = []
  #bytes = 0
  #enough = 1

  constructor(peer: string, stream: Stream, onEnd: () => void) {
    this.#peer = peer
    this.#stream = stream
    stream.addEventListener('message', ({ data }) =>
      this.#take(data instanceof Uint8Array ? data : data.subarray()),
    )
    const ended = () => {
      this.#fail('CONTENT_PEER_LOST', 'it ended the stream')
      onEnd()
    }
    stream.addEventListener('close', ended)
    stream.addEventListener('remoteCloseWrite', () => stream.abort(new Error('Peer ended the stream')))
  }

  get open(): boolean {
    return this.#stream.status === 'open'
  }

  ask(question: ContentQuestion, signal: AbortSignal): Promise<ContentAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<ContentAnswer>()
    const giveUp = () => {
      waiting.given = true
      reject(this.#error('CONTENT_PEER_LOST', 'it was given up'))
      // A stream whose answers nobody waits for may never bring them.
      if (this.#waiting.every(({ given }) => given)) this.end()
    }
    const waiting: Waiting = {
      given: false,
      settle: (answer) => {
        signal.removeEventListener('abort', giveUp)
        if (answer instanceof ContentError) reject(answer)
        else resolve(answer)
      },
    }
    this.#waiting.push(waiting)
    if (signal.aborted) giveUp()
    else signal.addEventListener('abort', giveUp, { once: true })
    try {
      if (this.open) this.#stream.send(encodeQuestion(question))
      else this.#fail('CONTENT_PEER_LOST', 'the stream is closed')
    } catch {
      this.end()
    }
    return promise
  }

  end(): void {
    this.#stream.abort(new Error('No more questions'))
    this.#fail('CONTENT_PEER_LOST', 'it was given up')
  }

  #take(bytes: Uint8Array): void {
    this.#held.push(bytes)
    this.#bytes += bytes.length
    if (this.#bytes < this.#enough) {
      if (this.#held.length > MOST_PIECES) this.#held = [Buffer.concat(this.#held)]
      return
    }
    let rest = this.#held.length === 1 ? bytes : Buffer.concat(this.#held)
    for (;;) {
      const next = rest.length === 0 ? null : decodeAnswer(rest)
      if (next === null) break
      const waiting = next === 'malformed' ? undefined : this.#waiting.shift()
      if (next === 'malformed' || waiting === undefined) {
        this.#fail('CONTENT_PEER_LIES', 'what it sent is no answer')
        this.end()
        return
      }
      rest = rest.subarray(next.length)
      waiting.settle(next.answer)
    }
    // Copied, so that what was read can go.
    if (rest.length < MAX_ANSWER_BYTES / 2) rest = rest.slice()
    this.#held = rest.length === 0 ? [] : [rest]
    this.#bytes = rest.length
    this.#enough = rest.length === 0 ? 1 : answerLength(rest)
  }

  #fail(code: 'CONTENT_PEER_LOST' | 'CONTENT_PEER_LIES', why: string): void {
    for (const { settle } of this.#waiting.splice(0)) settle(this.#error(code, why))
  }

  #error(code: 'CONTENT_PEER_LOST' | 'CONTENT_PEER_LIES', why: string): ContentError {
    return new ContentError(code, `peer ${this.#peer} gave no answer: ${why}`, { peer: this.#peer })
  }
}
