import type { QuorumLimits } from '../../../node/quorum/limits.ts'
import { decodeMessage, type Message } from '../../../node/quorum/messages.ts'
import { sha256 } from '../../../node/quorum/signed-bytes.ts'

/** What can happen to a node; the order gives the number that is hashed. */
const KINDS = [
  'world',
  'receives',
  'timer',
  'saves',
  'signs',
  'refused',
  'epoch',
  'commits',
  'attests',
  'fault',
  'boots',
  'crashes',
  'lies',
  'evidence',
] as const
export type TraceKind = (typeof KINDS)[number]

interface Entry {
  readonly at: number
  readonly node: number
  readonly kind: TraceKind
  readonly text: string
  readonly peer: number
  readonly bytes: Uint8Array | null
}

const LAST = 400

/**
 * What happened, as lines that a person can read. Lines are made only when somebody wants them: a history costs a hash
 * of its events, and keeps the last of them for the report of a failure.
 */
export class Trace {
  readonly #limits: QuorumLimits
  readonly #sink: ((line: string) => void) | null
  readonly #ring: Entry[] = []
  #next = 0
  #a = 0x9e3779b9
  #b = 0x85ebca6b
  events = 0

  constructor(limits: QuorumLimits, sink: ((line: string) => void) | null = null) {
    this.#limits = limits
    this.#sink = sink
  }

  add(
    at: number,
    node: number,
    kind: TraceKind,
    text = '',
    peer = -1,
    bytes: Uint8Array | null = null,
  ): void {
    this.events++
    this.#mix(Math.round(at * 4096))
    this.#mix((node + 1) * 1024 + KINDS.indexOf(kind) * 64 + peer + 1)
    for (let i = 0; i < text.length; i++) this.#mix(text.charCodeAt(i))
    if (bytes !== null) this.#mixBytes(bytes)
    const entry = { at, node, kind, text, peer, bytes }
    this.#ring[this.#next] = entry
    this.#next = (this.#next + 1) % LAST
    this.#sink?.(this.#line(entry))
  }

  #mix(value: number): void {
    this.#a = Math.imul(this.#a ^ value, 0x01000193) >>> 0
    this.#b = (Math.imul(this.#b, 31) + (value >>> 0) + (this.#a >>> 7)) >>> 0
  }

  #mixBytes(bytes: Uint8Array): void {
    this.#mix(bytes.length)
    // Head and tail hold position and signature: what differs in the middle differs in the hash that is signed.
    for (let i = 0; i < Math.min(24, bytes.length); i++) this.#mix(bytes[i] ?? 0)
    for (let i = Math.max(24, bytes.length - 16); i < bytes.length; i++) this.#mix(bytes[i] ?? 0)
  }

  /** Of the whole history: equal for equal histories. */
  get hash(): string {
    return [this.#a, this.#b].map((half) => half.toString(16).padStart(8, '0')).join('')
  }

  /** The last lines, oldest first. */
  lines(): string[] {
    const ring = [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)]
    return ring.map((entry) => this.#line(entry))
  }

  #line({ at, node, kind, text, peer, bytes }: Entry): string {
    const who = node < 0 ? 'world  ' : `node ${String(node).padStart(2)}`
    const from = peer < 0 ? '' : ` from ${peer}`
    const what =
      bytes === null ? text : `${text}${text === '' ? '' : ' '}${describeBytes(bytes, this.#limits)}`
    return `${at.toFixed(1).padStart(9)} ${who} ${node < 0 ? what : `${kind}${from} ${what}`}`.trimEnd()
  }
}

const short = (bytes: Uint8Array) => Buffer.from(bytes.subarray(0, 3)).toString('hex')

function describeBytes(bytes: Uint8Array, limits: QuorumLimits): string {
  try {
    return describeMessage(decodeMessage(bytes, limits))
  } catch {
    return `${bytes.length} bytes that are no message`
  }
}

/** One message in a few words: epoch, sequence number, and the first digits of what it binds to. */
export function describeMessage(message: Message): string {
  const at = [
    'epoch' in message ? `e${message.epoch}` : '',
    'seqNr' in message ? `s${message.seqNr}` : '',
  ].filter((part) => part !== '')
  return [message.kind, ...at, ...details(message)].join(' ')
}

function details(message: Message): string[] {
  switch (message.kind) {
    case 'epoch-start-request':
      return [describeRank(message.rank)]
    case 'epoch-start':
      return message.proofs.map(({ oracle, rank }) => `${oracle}:${describeRank(rank)}`)
    case 'round-start':
      return [`query ${short(sha256(message.query))}`]
    case 'observation':
      return [`${message.observation.length} bytes ${short(sha256(message.observation))}`]
    case 'proposal':
      return [
        `query ${short(sha256(message.query))}`,
        ...message.observations.map(({ oracle, observation }) => `${oracle}:${short(sha256(observation))}`),
      ]
    case 'prepare':
      return [`inputs ${short(message.inputsHash)} outcome ${short(message.outcomeHash)}`]
    case 'commit':
      return [`outcome ${short(message.outcomeHash)}`]
    case 'outcome-response': {
      const { kind, epoch, seqNr, outcome, signatures } = message.certificate
      const signers = signatures.map(({ oracle }) => oracle).join(',')
      return [`${kind} certificate e${epoch} s${seqNr} ${short(sha256(outcome))} of ${signers}`]
    }
    default:
      return []
  }
}

function describeRank(rank: { seqNr: bigint; committed: boolean; epoch: number }): string {
  return `${rank.committed ? 'committed' : 'prepared'} s${rank.seqNr}@e${rank.epoch}`
}
