import type { Stream } from '@libp2p/interface'
import type { Clock } from '../../ports/clock.ts'
import type { ContentSource } from '../../ports/content.ts'
import { decodeQuestion, encodeAnswer, MAX_ANSWER_BYTES, QUESTION_BYTES } from './content-frames.ts'

/** Questions that may wait on one stream; a peer with more of them does not wait for answers. */
const MAX_WAITING = 16
/** One write: what a quorum's message to the same peer may come to stand behind. */
const SLICE_BYTES = 16_384
/** What a question counts for at least: each costs a look at the disk, whatever the answer. */
const LEAST_BYTES = 1_024
/** A peer that takes nothing for so long has gone away. */
const STUCK_MS = 30_000

export type ContentFault = 'malformed' | 'flooding'

/**
 * Answers one peer on one stream, one question after another, no faster than `pace` lets it. Ends the stream at what is no
 * question, and at more of them than anybody has reason to send ahead.
 */
export function serveContents(
  stream: Stream,
  modules: {
    readonly source: ContentSource
    readonly clock: Clock
    /** Resolves when so many bytes may go to this peer. */
    readonly pace: (bytes: number) => Promise<void>
    readonly onSent: (bytes: number) => void
    readonly onFault: (fault: ContentFault) => void
  },
): void {
  const { source, clock, pace, onSent, onFault } = modules
  const waiting: Uint8Array[] = []
  let held: Uint8Array = new Uint8Array(0)
  let busy = false

  const fault = (what: ContentFault) => {
    waiting.length = 0
    stream.abort(new Error(`Protocol violation: ${what}`))
    onFault(what)
  }

  async function work(): Promise<void> {
    for (let next = waiting.shift(); next !== undefined && stream.status === 'open'; next = waiting.shift()) {
      const question = decodeQuestion(next)
      if (question === null) {
        fault('malformed')
        return
      }
      const bytes = encodeAnswer(await source.answer(question))
      await pace(Math.max(bytes.length, LEAST_BYTES))
      for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
        await drained(stream, clock)
        stream.send(bytes.subarray(at, at + SLICE_BYTES))
      }
      onSent(bytes.length)
    }
  }

  stream.addEventListener('message', ({ data }) => {
    const bytes = data instanceof Uint8Array ? data : data.subarray()
    held = held.length === 0 ? bytes : Buffer.concat([held, bytes])
    for (; held.length >= QUESTION_BYTES; held = held.subarray(QUESTION_BYTES)) {
      if (waiting.length >= MAX_WAITING) {
        fault('flooding')
        return
      }
      waiting.push(held.slice(0, QUESTION_BYTES))
    }
    held = held.slice()
    if (busy) return
    busy = true
    work()
      // The stream has closed, or its peer does not read: there is nobody to tell.
      .catch((error: unknown) => stream.abort(error instanceof Error ? error : new Error('Answer failed')))
      .finally(() => {
        busy = false
      })
  })
  stream.addEventListener('remoteCloseWrite', () => stream.abort(new Error('Peer ended the stream')))
  stream.maxReadBufferLength = MAX_ANSWER_BYTES
}

async function drained(stream: Stream, clock: Clock): Promise<void> {
  if (stream.status !== 'open') throw new Error('Stream closed')
  if (!stream.writableNeedsDrain) return
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const closed = () => reject(new Error('Stream closed'))
  const timer = clock.setTimer(STUCK_MS, () => reject(new Error('Peer takes nothing')))
  stream.addEventListener('drain', () => resolve(), { once: true })
  stream.addEventListener('close', closed, { once: true })
  try {
    await promise
  } finally {
    timer.cancel()
    stream.removeEventListener('close', closed)
  }
}
