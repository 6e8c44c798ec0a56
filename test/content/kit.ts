import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import { onTestFinished } from 'vitest'
import { systemClock } from '../../node/adapters/clock/system.ts'
import { CONTENT_PROTOCOL } from '../../node/adapters/libp2p/content-exchange.ts'
import { serveContents } from '../../node/adapters/libp2p/content-server.ts'
import { type ContentService, contentService } from '../../node/content/content-service.ts'
import { statesOf } from '../../node/content/hash-chain.ts'
import type { Offers } from '../../node/content/shelf.ts'
import {
  type ContentAnswer,
  type ContentPart,
  type ContentQuestion,
  type ContentSource,
  PART_BYTES,
} from '../../node/ports/content.ts'
import {
  addressOf,
  keyOfSeed,
  seedOf,
  silent,
  type TestNode,
  testNode,
  until,
} from '../adapters/libp2p/kit.ts'
import { rawPeer } from '../adapters/libp2p/raw-peer.ts'
import { messageClass } from '../fakes/message-class.ts'

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** Bytes that no two places of a content have alike. */
export function bytesFor(seed: string, size: number): Uint8Array {
  const out = new Uint8Array(size)
  for (let at = 0; at < size; at += 32)
    out.set(
      createHash('sha256')
        .update(`${seed} ${at}`)
        .digest()
        .subarray(0, Math.min(32, size - at)),
      at,
    )
  return out
}

export async function temporary(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'iyi-content-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** How many members a test's network has; some of them never come. */
const MEMBERS = 4

export interface Member extends TestNode {
  readonly contents: ContentService
  readonly dir: string
}

/** Node `n` of a network of four, connected to the given ones. */
export async function member(
  n: number,
  options: {
    peers?: readonly Member[]
    dir?: string
    maxBytes?: number
    answerMs?: number
    windowMs?: number
    offers?: readonly Offers[]
    alone?: boolean
  } = {},
): Promise<Member> {
  const { peers = [], maxBytes = 2 ** 26, answerMs = 10_000, offers = [], alone = false } = options
  const { windowMs = 4_000 } = options
  const node = testNode(seedOf(n), { peers: peers.map(({ transport }) => addressOf(transport)) })
  await node.transport.start()
  onTestFinished(() => node.transport.stop())
  await node.transport.open({
    channel: 'digest',
    peers: alone ? [keyOfSeed(seedOf(n))] : Array.from({ length: MEMBERS }, (_, i) => keyOfSeed(seedOf(i))),
    self: alone ? 0 : n,
    classes: [messageClass()],
    onMessage: () => {},
  })
  const dir = options.dir ?? (await temporary())
  const contents = contentService(
    { dir, maxBytes, answerMs, windowMs, againMs: 50 },
    {
      ...{ peers: node.transport.contents, offers, clock: systemClock, log: silent, metrics: node.metrics },
      random: () => 0,
    },
  )
  await contents.start()
  onTestFinished(() => contents.stop())
  return { ...node, contents, dir }
}

export async function connected(of: Member, count: number): Promise<void> {
  await until(`${count} peers are connected`, () => of.transport.contents.connected().length === count)
}

/** Parts of a content with their proofs, as an honest peer has them. */
export async function partsWithProofs(content: Uint8Array): Promise<readonly ContentPart[]> {
  const cut: Uint8Array[] = []
  for (let at = 0; at === 0 || at < content.length; at += PART_BYTES)
    cut.push(content.subarray(at, at + PART_BYTES))
  const { states } = await statesOf(
    (async function* () {
      yield* cut
    })(),
  )
  return cut.map((bytes, i) => ({ size: content.length, before: states[i] ?? new Uint8Array(32), bytes }))
}

export type Script = (question: ContentQuestion, asked: number) => Promise<ContentAnswer> | 'hang up'

/** Answers like an honest peer that has this content. */
export function honest(parts: readonly ContentPart[]): (question: ContentQuestion) => Promise<ContentAnswer> {
  return async (question) => {
    const part =
      question.kind === 'part' ? parts.at(question.index === 'last' ? -1 : question.index) : undefined
    return part === undefined ? { kind: 'absent' } : { kind: 'part', part }
  }
}

/** A member without our rules, which answers what the script says. What it was asked is counted. */
export async function scripted(n: number, of: Member, script: Script) {
  const peer = await rawPeer(seedOf(n))
  onTestFinished(() => peer.stop())
  const asked: ContentQuestion[] = []
  await peer.handle(CONTENT_PROTOCOL, (stream) => {
    const source: ContentSource = {
      answer(question) {
        asked.push(question)
        const answer = script(question, asked.length)
        if (answer !== 'hang up') return answer
        stream.abort(new Error('Gone'))
        return Promise.reject(new Error('Gone'))
      },
    }
    const quiet = { pace: async () => {}, onSent: () => {}, onFault: () => {} }
    serveContents(stream, { source, clock: systemClock, ...quiet })
  })
  await peer.dial(multiaddr(addressOf(of.transport)), { signal: AbortSignal.timeout(5_000) })
  return { peer, asked }
}
