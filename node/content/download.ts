import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type { Clock } from '../ports/clock.ts'
import { type ContentAnswer, PART_BYTES } from '../ports/content.ts'
import { ContentError } from '../ports/content-error.ts'
import { type Proven, provePart } from './hash-chain.ts'
import { dropPartial, Partial } from './partial.ts'
import { Turns, type TurnsModules } from './turns.ts'

/** Parts that one peer is asked for at once: what is under way to us, and so before a quorum's message of that peer. */
const WINDOW = 2
/** In each window of time a peer must give so many, or the transfer goes on with another one that may have more to give. */
const LEAST_PARTS = 2

export interface DownloadRequest {
  /** SHA-256, hex. */
  readonly hash: string
  /** Where it shall be once it is whole. Beside it lies what is there of it before. */
  readonly path: string
  readonly maxBytes: number
  readonly signal: AbortSignal
  /** Told now and then. */
  readonly onProgress?: (bytes: number, size: number) => void
}

export interface DownloadModules extends TurnsModules {
  /** Longest that a peer may take for one answer, in milliseconds. */
  readonly answerMs: number
}

/**
 * Fetches a content into a file from one peer after another, from its end to its beginning, each part proven before it is
 * kept. A peer that is slow is left for another one, and gone back to where that has nothing. Resolves with its size. Rejects
 * with `ContentError`; what came until then stays, and the next call goes on there.
 */
export async function download(request: DownloadRequest, modules: DownloadModules): Promise<number> {
  const { hash, path, signal } = request
  const partial = await Partial.open(path)
  try {
    const turns = new Turns(modules)
    while (partial.proven?.next !== -1) {
      const peer = turns.next()
      if (peer === null)
        throw new ContentError(
          'CONTENT_UNAVAILABLE',
          `none of ${turns.asked} peers that can be asked now gave all of ${hash}; it is tried again from where it is`,
          { hash },
        )
      await takeFrom(peer, partial, request, { ...modules, turns })
      if (signal.aborted)
        throw new ContentError('CONTENT_GIVEN_UP', `${hash} is not wanted any more`, { hash })
    }
    await partial.finish()
  } catch (error) {
    await partial.close()
    if (error instanceof ContentError && error.code === 'CONTENT_TOO_LARGE') await dropPartial(path)
    throw error
  }
  await checkWhole(hash, path)
  return partial.proven.size
}

/** Takes as many parts as the peer gives; returns once all are there, or it is not to be asked any more. */
async function takeFrom(
  peer: string,
  partial: Partial,
  { hash, maxBytes, onProgress, signal }: DownloadRequest,
  { peers, standing, clock, answerMs, windowMs, turns }: DownloadModules & { readonly turns: Turns },
): Promise<void> {
  const leave = new AbortController()
  const ended = AbortSignal.any([signal, leave.signal])
  const ask = (index: number | 'last') => {
    const answer = within(clock, answerMs, ended, (until) =>
      peers.ask(peer, { kind: 'part', hash, index }, until),
    )
    // What was asked ahead may fail before it is looked at.
    answer.catch(() => {})
    return answer
  }
  let given = 0
  let isLeft = false
  const judge = () => {
    isLeft = given < LEAST_PARTS && turns.hasBetter(peer)
    given = 0
    if (isLeft) leave.abort()
    else window = clock.setTimer(windowMs, judge)
  }
  let window = clock.setTimer(windowMs, judge)
  const queue: Promise<ContentAnswer>[] = []
  let ahead = partial.proven?.next ?? null
  try {
    while (partial.proven?.next !== -1) {
      if (ahead === null) queue.push(ask('last'))
      else while (queue.length < WINDOW && ahead >= 0) queue.push(ask(ahead--))
      const answer = await queue.shift()
      if (answer?.kind !== 'part') return
      const proven = provePart(hash, partial.proven, answer.part)
      if (proven === null) {
        // What does not fit what a disk kept may be right; what does not fit what leads to the hash is not.
        if (partial.resumed && !(await partial.leadsTo(hash))) await partial.forget()
        else standing.blame(peer, 'lies', hash)
        return
      }
      refuseLarge(hash, proven, maxBytes)
      ahead ??= proven.next
      await partial.add(answer.part.bytes, proven)
      given++
      onProgress?.(proven.size - (proven.next + 1) * PART_BYTES, proven.size)
    }
  } catch (error) {
    if (!(error instanceof ContentError) || error.code === 'CONTENT_TOO_LARGE') throw error
    // Whoever gave it up is no reason to blame the peer.
    if (signal.aborted) return
    if (error.code === 'CONTENT_PEER_LIES') standing.blame(peer, 'lies', hash)
    else if (isLeft) turns.leave(peer, hash)
    else standing.blame(peer, 'silent', hash)
  } finally {
    window.cancel()
    leave.abort()
  }
}

/** The size is proven by then: the end of the content binds it. */
function refuseLarge(hash: string, { size }: Proven, maxBytes: number): void {
  if (size > maxBytes)
    throw new ContentError(
      'CONTENT_TOO_LARGE',
      `${hash} has ${size} bytes, and at most ${maxBytes} are taken`,
      {
        hash,
      },
    )
}

async function within<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  work: (until: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController()
  const timer = clock.setTimer(ms, () => late.abort())
  try {
    return await work(AbortSignal.any([signal, late.signal]))
  } finally {
    timer.cancel()
  }
}

/** Each part was proven; a disk may still have kept something else, between two runs above all. */
async function checkWhole(hash: string, path: string): Promise<void> {
  const whole = createHash('sha256')
  await pipeline(createReadStream(path), whole)
  if (whole.digest('hex') === hash) return
  await rm(path, { force: true })
  throw new ContentError(
    'CONTENT_UNAVAILABLE',
    `what the disk kept of ${hash} is not what came; it is fetched anew`,
    {
      hash,
    },
  )
}
