import type { MessageClass, PeerTransport } from '../../ports/network.ts'
import { NetworkError } from './errors.ts'
import { channelBytes, MAX_FRAME_BYTES } from './frame.ts'
import { peerIdFromKey } from './identity.ts'

type OpenOptions = Parameters<PeerTransport['open']>[0]

/** An open channel: who its members are, what they may say and where it goes. */
export interface Channel {
  readonly name: string
  /** The name as it stands in a frame. */
  readonly bytes: Uint8Array
  /** Peer ids by oracle index. */
  readonly peers: readonly string[]
  readonly indexOf: ReadonlyMap<string, number>
  readonly self: number
  readonly classes: readonly MessageClass[]
  /** First bytes of a message that tell its class: as many in all classes. */
  readonly headerBytes: number
  /** Of the largest class. */
  readonly maxBytes: number
  readonly onMessage: OpenOptions['onMessage']
}

/** Room that a frame needs beside its payload, generously. */
const OVERHEAD_BYTES = 1024
const MAX_CLASSES = 64

/**
 * Checks the options of `open` and derives the members' peer ids.
 * Throws `NetworkError` `NET_CHANNEL_INVALID` or `NET_BAD_KEY`.
 */
export function channelOf(options: OpenOptions, selfId: string): Channel {
  const { channel: name, self, classes } = options
  const invalid = (reason: string, index?: number): NetworkError =>
    new NetworkError('NET_CHANNEL_INVALID', `Correct channel ${name}: ${reason}`, {
      data: { channel: name, reason, ...(index === undefined ? {} : { index }) },
    })
  const bytes = channelBytes(name)
  if (bytes === null) throw invalid('its name must have 1 to 255 bytes')
  const problem = problemOf(classes)
  if (problem !== null) throw invalid(problem)
  const peers = options.peers.map((key) => peerIdFromKey(key).toString())
  const indexOf = new Map<string, number>()
  for (const [index, peer] of peers.entries()) {
    if (indexOf.has(peer)) throw invalid(`peers ${indexOf.get(peer)} and ${index} have the same key`, index)
    indexOf.set(peer, index)
  }
  if (peers[self] !== selfId) throw invalid(`peers[${self}] is not this node's key`, self)
  return {
    name,
    bytes,
    peers,
    indexOf,
    self,
    classes,
    headerBytes: classes[0]?.header.length ?? 0,
    maxBytes: Math.max(...classes.map(({ maxBytes }) => maxBytes)),
    onMessage: options.onMessage,
  }
}

function problemOf(classes: readonly MessageClass[]): string | null {
  if (classes.length === 0 || classes.length > MAX_CLASSES)
    return `it must have 1 to ${MAX_CLASSES} classes of messages`
  const [first] = classes
  for (const { name, header, ...numbers } of classes) {
    if (header.length !== first?.header.length) return `the header of ${name} is not as long as the others`
    if (header.some((byte) => !Number.isInteger(byte) || byte < 0 || byte > 255))
      return `the header of ${name} is not of bytes`
    for (const key of ['maxBytes', 'queueMessages', 'queueBytes', 'burst'] as const) {
      if (!Number.isSafeInteger(numbers[key]) || numbers[key] < 1)
        return `${key} of ${name} must be a positive whole number`
    }
    if (!(numbers.ratePerSecond > 0)) return `ratePerSecond of ${name} must be positive`
    if (numbers.maxBytes > MAX_FRAME_BYTES - OVERHEAD_BYTES)
      return `maxBytes of ${name} must be at most ${MAX_FRAME_BYTES - OVERHEAD_BYTES}`
    if (numbers.queueBytes < numbers.maxBytes) return `queueBytes of ${name} must hold its largest message`
  }
  for (const key of ['name', 'header'] as const) {
    if (new Set(classes.map((each) => String(each[key]))).size !== classes.length)
      return `two classes have the same ${key}`
  }
  return null
}

/** Index of the class of a message with these first bytes, or -1. */
export function classOf(channel: Pick<Channel, 'classes'>, bytes: Uint8Array): number {
  return channel.classes.findIndex(({ header }) => header.every((byte, at) => bytes[at] === byte))
}
