import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import type { Libp2p, Stream } from '@libp2p/interface'
import { channelBytes, encodeFrame } from '../../../node/adapters/libp2p/frame.ts'
import { NO_HASH } from '../../../node/quorum/certificate.ts'
import { QUORUM_LIMITS } from '../../../node/quorum/limits.ts'
import { encodeMessage, type Message } from '../../../node/quorum/messages.ts'
import { rawPeer, rawStream } from '../../adapters/libp2p/raw-peer.ts'

/** What a flooder is told: in a thread of its own, since its work is not what is measured. */
export interface FloodOrder {
  readonly seed: Uint8Array
  readonly targets: readonly string[]
  readonly channel: string
  readonly n: number
  readonly epoch: number
  /** Only what may come in every round: of that the quotas allow most. */
  readonly roundsOnly: boolean
}

export interface FloodReport {
  readonly messages: number
  readonly bytes: number
  readonly connections: number
}

/** Small messages for each large one: both the number and the bytes are a flood then. */
const SMALL_PER_LARGE = 200

const OF_EPOCHS: ReadonlySet<Message['kind']> = new Set([
  'wish',
  'epoch-start',
  'epoch-start-request',
  'outcome-response',
])

/** Valid in form, and what any validator might send now: the largest there is of each kind. */
function messages({ n, epoch, roundsOnly }: FloodOrder): {
  readonly small: Message[]
  readonly large: Message[]
} {
  const signature = new Uint8Array(64).fill(7)
  const seqNr = 1_000_000n
  const at = { epoch, seqNr }
  const observation = new Uint8Array(QUORUM_LIMITS.observation)
  const query = new Uint8Array(QUORUM_LIMITS.query)
  const ofAll = <T extends object>(item: T) => Array.from({ length: n }, (_, oracle) => ({ oracle, ...item }))
  const certificate = {
    kind: 'commit',
    ...at,
    inputsHash: NO_HASH,
    outcome: new Uint8Array(QUORUM_LIMITS.outcome),
    signatures: ofAll({ signature }),
  } as const
  const rank = { ...at, committed: true }
  const all: { readonly small: Message[]; readonly large: Message[] } = {
    small: [
      { kind: 'wish', epoch: epoch + 5 },
      { kind: 'idle', ...at },
      { kind: 'prepare', ...at, inputsHash: NO_HASH, outcomeHash: NO_HASH, signature, proposal: null },
      { kind: 'commit', ...at, outcomeHash: NO_HASH, signature },
      {
        kind: 'report-signatures',
        seqNr,
        reports: [
          {
            index: 0,
            configDigest: NO_HASH,
            reportHash: NO_HASH,
            extraHash: NO_HASH,
            signature: new Uint8Array(65),
          },
        ],
      },
      { kind: 'outcome-request', epoch, started: false, seqNr: 0n },
      { kind: 'observation', ...at, observation: new Uint8Array(8), signature },
    ],
    large: [
      { kind: 'proposal', ...at, query, observations: ofAll({ observation, signature }), signature },
      { kind: 'round-start', ...at, query, seal: null },
      { kind: 'observation', ...at, observation, signature },
      { kind: 'epoch-start', epoch, certificate, proofs: ofAll({ rank, signature }) },
      { kind: 'epoch-start-request', epoch, rank, signature, certificate },
      { kind: 'outcome-response', certificate },
    ],
  }
  const allowed = ({ kind }: Message) => !roundsOnly || !OF_EPOCHS.has(kind)
  return { small: all.small.filter(allowed), large: all.large.filter(allowed) }
}

async function flood(order: FloodOrder): Promise<void> {
  const name = channelBytes(order.channel) ?? new Uint8Array()
  const frame = (message: Message) => encodeFrame('data', name, encodeMessage(message, QUORUM_LIMITS))
  const { small, large } = messages(order)
  const batch = Buffer.concat(
    Array.from({ length: SMALL_PER_LARGE }, (_, i) => small.map(frame)[i % small.length] ?? new Uint8Array()),
  )
  const heavy = large.map(frame)
  const report = { messages: 0, bytes: 0, connections: 0 }
  let flooding = false
  const node = await rawPeer(order.seed, (stream) => stream.addEventListener('message', () => {}))
  const tell = (type: string) => parentPort?.postMessage({ type, ...report })

  async function pour(stream: Stream): Promise<void> {
    for (let turn = 0; stream.status === 'open'; turn++) {
      const bytes = turn % 2 === 0 ? batch : heavy[(turn >> 1) % heavy.length]
      if (!flooding || bytes === undefined) {
        await sleep(20)
        continue
      }
      stream.send(bytes)
      report.messages += turn % 2 === 0 ? SMALL_PER_LARGE : 1
      report.bytes += bytes.length
      do await new Promise((resolve) => setImmediate(resolve))
      while (stream.status === 'open' && stream.writeStatus === 'writable' && stream.writableNeedsDrain)
    }
  }

  /** As often as it is let in, until its thread is ended. */
  async function attack(peer: Libp2p, target: string): Promise<void> {
    for (;;) {
      try {
        const stream = await rawStream(peer, target)
        report.connections += 1
        stream.send(encodeFrame('join', name))
        if (report.connections === order.targets.length) tell('connected')
        await pour(stream)
      } catch {
        await sleep(50)
      }
    }
  }

  parentPort?.on('message', (command: 'flood' | 'end') => {
    flooding = command === 'flood'
    if (command === 'end') tell('ended')
  })
  await Promise.all(order.targets.map((target) => attack(node, target)))
}

await flood(workerData as FloodOrder)
