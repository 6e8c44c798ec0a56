import { hexToBytes } from 'viem'
import { QUORUM_LIMITS } from '../../../node/quorum/limits.ts'
import { encodeMessage, type Message, type MessageOf } from '../../../node/quorum/messages.ts'
import {
  commitSignedBytes,
  epochStartSignedBytes,
  inputsHash,
  observationSignedBytes,
  prepareSignedBytes,
  proposalSignedBytes,
  sha256,
  signatureListBytes,
} from '../../../node/quorum/signed-bytes.ts'
import { u64Codec } from './median.ts'
import type { Behaviour, SimNode } from './world.ts'

const encode = (message: Message) => encodeMessage(message, QUORUM_LIMITS)

/** A proposal that its leader signs as it is. */
function resigned(node: SimNode, message: MessageOf<'proposal'>): MessageOf<'proposal'> {
  const { keys, configDigest } = node.world
  const { epoch, seqNr, query, observations } = message
  const at = { digest: hexToBytes(configDigest), epoch, seqNr }
  const previous = node.machine?.view().previousOutcome ?? null
  const signed = proposalSignedBytes(
    at,
    inputsHash(at, query, previous, observations),
    sha256(signatureListBytes(observations)),
  )
  return { ...message, signature: keys.sign(node.index, signed) }
}

/** Says nothing while it leads. */
export const silentLeader: Behaviour = {
  outgoing: (_node, _to, bytes, message) => {
    const leads = ['epoch-start', 'round-start', 'proposal', 'idle'].includes(message.kind)
    return leads ? [] : [bytes]
  },
}

/** As leader always says that there is nothing to do. */
export const idleLiar: Behaviour = {
  outgoing: (_node, _to, bytes, message) => {
    if (message.kind === 'proposal') return []
    if (message.kind !== 'round-start') return [bytes]
    return [encode({ kind: 'idle', epoch: message.epoch, seqNr: message.seqNr })]
  },
  tick: (node) => {
    const view = node.machine?.view()
    if (view === undefined || !view.started || view.leader !== node.index) return
    const idle = encode({ kind: 'idle', epoch: view.epoch, seqNr: view.committedSeqNr + 1n })
    for (let to = 0; to < node.world.options.n; to++) node.world.deliver(node.index, to, idle)
  },
}

/** As leader shows different validators different sets of observations, and votes for every one of them. */
export const equivocator: Behaviour = {
  unguarded: true,
  outgoing: (node, to, bytes, message) => {
    const { keys, options, configDigest } = node.world
    const digest = hexToBytes(configDigest)
    if (message.kind === 'proposal' && message.observations.length > 2 * options.f + 1) {
      // All for even peers; for odd ones without the last of another oracle.
      return to % 2 === 0
        ? [bytes]
        : [encode(resigned(node, { ...message, observations: message.observations.slice(0, -1) }))]
    }
    if (message.kind === 'prepare') {
      // Whatever the peer prepared is prepared here too.
      const echoes = heard(node, to, 'prepare')
      return [
        bytes,
        ...echoes.map(({ epoch, seqNr, inputsHash, outcomeHash }) => {
          const payload = prepareSignedBytes({ digest, epoch, seqNr }, inputsHash, outcomeHash)
          return encode({
            kind: 'prepare',
            epoch,
            seqNr,
            inputsHash,
            outcomeHash,
            signature: keys.sign(node.index, payload),
            proposal: null,
          })
        }),
      ]
    }
    return [bytes]
  },
  tick: (node) => {
    const { keys, configDigest, options } = node.world
    const digest = hexToBytes(configDigest)
    for (let to = 0; to < options.n; to++) {
      for (const vote of heard(node, to, 'prepare')) {
        const { epoch, seqNr, inputsHash, outcomeHash } = vote
        const at = { digest, epoch, seqNr }
        const prepare = keys.sign(node.index, prepareSignedBytes(at, inputsHash, outcomeHash))
        const commit = keys.sign(node.index, commitSignedBytes(at, outcomeHash))
        node.world.deliver(
          node.index,
          to,
          encode({
            kind: 'prepare',
            epoch,
            seqNr,
            inputsHash,
            outcomeHash,
            signature: prepare,
            proposal: null,
          }),
        )
        node.world.deliver(
          node.index,
          to,
          encode({ kind: 'commit', epoch, seqNr, outcomeHash, signature: commit }),
        )
      }
    }
  },
}

function heard(node: SimNode, from: number, kind: 'prepare') {
  return node.heard
    .flatMap((each) => (each.from === from && each.message.kind === kind ? [each.message] : []))
    .slice(-2)
}

/** Sends noise beside its proper messages: random bytes, forged signatures, replays, oversized and truncated frames. */
export const babbler: Behaviour = {
  outgoing: (_node, _to, bytes) => [bytes],
  tick: (node) => {
    const { random, options } = node.world
    const to = random.integer(options.n)
    if (to === node.index) return
    node.world.deliver(node.index, to, noise(node))
  },
}

function noise(node: SimNode): Uint8Array {
  const { random } = node.world
  const view = node.machine?.view()
  const epoch = (view?.epoch ?? 1) + random.integer(3)
  const seqNr = (view?.committedSeqNr ?? 0n) + BigInt(random.integer(4))
  const signature = random.bytes(64)
  const outcomeHash = random.bytes(32)
  switch (random.integer(10)) {
    case 0:
      return random.bytes(random.integer(200))
    case 1:
      return encode({
        kind: 'prepare',
        epoch,
        seqNr,
        inputsHash: random.bytes(32),
        outcomeHash,
        signature,
        proposal: null,
      })
    case 2:
      return encode({ kind: 'commit', epoch, seqNr, outcomeHash, signature })
    case 3:
      return encode({ kind: 'observation', epoch, seqNr, observation: random.bytes(8), signature })
    case 4: {
      const replay = node.heard[random.integer(node.heard.length)]
      return replay?.bytes ?? new Uint8Array()
    }
    case 5:
      return new Uint8Array(100_000)
    case 6:
      return encode({ kind: 'wish', epoch: 0xffff_ffff })
    case 7:
      return encode({
        kind: 'report-signatures',
        seqNr,
        reports: [{ reportHash: outcomeHash, extraHash: random.bytes(32), signature: random.bytes(65) }],
      })
    case 8: {
      const signatures = [0, 1, 2].map((oracle) => ({ oracle, signature }))
      const certificate = {
        kind: 'commit' as const,
        epoch: Math.max(1, epoch),
        seqNr: seqNr + 5n,
        inputsHash: new Uint8Array(32),
        outcome: random.bytes(10),
        signatures,
      }
      return encode({ kind: 'outcome-response', certificate })
    }
    default:
      return encode({ kind: 'outcome-request', epoch, started: false, seqNr: 0n })
  }
}

/** As leader invents the others' observations, under signatures of its own. */
export const forger: Behaviour = {
  unguarded: true,
  outgoing: (node, _to, bytes, message) => {
    if (message.kind !== 'proposal') return [bytes]
    const { keys, configDigest } = node.world
    const at = { digest: hexToBytes(configDigest), epoch: message.epoch, seqNr: message.seqNr }
    const observation = u64Codec.encode(999_999n)
    const signature = keys.sign(node.index, observationSignedBytes(at, message.query, observation))
    const observations = message.observations.map(({ oracle }) => ({ oracle, observation, signature }))
    return [encode(resigned(node, { ...message, observations }))]
  },
}

/** As leader proposes too few observations: only those it likes. */
export const selector: Behaviour = {
  unguarded: true,
  outgoing: (node, _to, bytes, message) => {
    if (message.kind !== 'proposal') return [bytes]
    const few = message.observations.slice(0, 2 * node.world.options.f)
    return [encode(resigned(node, { ...message, observations: few }))]
  },
}

/** As leader pretends that nothing was ever prepared or committed. */
export const amnesiac: Behaviour = {
  unguarded: true,
  outgoing: (node, _to, bytes, message) => {
    if (message.kind !== 'epoch-start' || message.certificate === null) return [bytes]
    const { keys, configDigest, options } = node.world
    const rank = { seqNr: 0n, committed: false, epoch: 0 }
    const payload = epochStartSignedBytes(hexToBytes(configDigest), message.epoch, rank)
    const proofs = Array.from({ length: options.n }, (_, oracle) => ({
      oracle,
      rank,
      signature: keys.sign(node.index, payload),
    }))
    return [encode({ ...message, certificate: null, proofs })]
  },
}

/** As leader floods with queries that do not decode. */
export const queryFlooder: Behaviour = {
  outgoing: (_node, _to, bytes, message) => {
    if (message.kind !== 'round-start') return [bytes]
    return Array.from({ length: 50 }, (_, i) => encode({ ...message, query: Uint8Array.of(i) }))
  },
}

/** Signs what it likes: observations for a query that nobody asked. */
export const misattributor: Behaviour = {
  unguarded: true,
  outgoing: (node, _to, bytes, message) => {
    if (message.kind !== 'observation') return [bytes]
    const { keys, configDigest } = node.world
    const at = { digest: hexToBytes(configDigest), epoch: message.epoch, seqNr: message.seqNr }
    const payload = observationSignedBytes(at, sha256(Uint8Array.of(9)), message.observation)
    return [encode({ ...message, signature: keys.sign(node.index, payload) })]
  },
}
