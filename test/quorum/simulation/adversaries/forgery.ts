import { bytesToHex, concatBytes, type Hex, keccak256 } from 'viem'
import type { Certificate } from '../../../../node/quorum/certificate.ts'
import { reportContext, reportStatement } from '../../../../node/quorum/digest.ts'
import type { Message } from '../../../../node/quorum/messages.ts'
import { sha256 } from '../../../../node/quorum/signed-bytes.ts'
import type { Behaviour } from '../behaviour.ts'
import {
  commitOf,
  encode,
  observationSignature,
  once,
  placeOf,
  prepareOf,
  proposalOf,
  rankSignature,
  sayToAll,
} from './craft.ts'

const OTHER_CHAIN = sha256(Uint8Array.of(7, 7, 7))

export const forger: Behaviour = {
  about: "as leader invents the others' observations, under signatures of its own",
  unguarded: true,
  outgoing: (node, _to, bytes, message) => {
    if (message.kind !== 'proposal') return [bytes]
    const { duty, random } = node.world
    const forge = () => {
      const observations = message.observations.map(({ oracle, observation: seen }) => {
        const observation = duty.lie('far', seen, random)
        const signature = observationSignature(node, oracle, message, message.query, observation)
        return { oracle, observation, signature }
      })
      return proposalOf(node, { ...message, observations })
    }
    return [once(node, `forged ${message.epoch}/${message.seqNr}`, forge)]
  },
}

/** Old signatures in new messages, and old messages as they were. */
export const replayer: Behaviour = {
  about: 'repeats what it heard, as it was or under another epoch and sequence number',
  tick: (node) => {
    const { random, conspiracy, options } = node.world
    const old = conspiracy.anything()
    if (old === undefined) return
    const { epoch, seqNr } = placeOf(node)
    const again = random.chance(0.5) ? old.bytes : encode(moved(old.message, epoch, seqNr))
    if (random.chance(0.3)) sayToAll(node, again)
    else node.say(random.integer(options.n), again)
  },
}

function moved(message: Message, epoch: number, seqNr: bigint): Message {
  if (message.kind === 'outcome-response') return message
  const out = 'epoch' in message ? { ...message, epoch } : message
  return 'seqNr' in out ? { ...out, seqNr } : out
}

export const otherChain: Behaviour = {
  about: 'sends signatures made for another configuration digest',
  unguarded: true,
  outgoing: (node, _to, bytes, message) => {
    switch (message.kind) {
      case 'prepare':
        return [prepareOf(node, message, OTHER_CHAIN)]
      case 'commit':
        return [commitOf(node, message, OTHER_CHAIN)]
      case 'observation': {
        const empty = new Uint8Array()
        const signature = observationSignature(
          node,
          node.index,
          message,
          empty,
          message.observation,
          OTHER_CHAIN,
        )
        return [encode({ ...message, signature })]
      }
      case 'epoch-start-request':
        return [
          encode({
            ...message,
            signature: rankSignature(node, node.index, message.epoch, message.rank, OTHER_CHAIN),
          }),
        ]
      default:
        return [bytes]
    }
  },
}

/** Certificates that lack a signature or two: the liars' own under others' names, or the same one again. */
export const counterfeiter: Behaviour = {
  about: 'passes on certificates of outcomes that nobody agreed on',
  unguarded: true,
  tick: (node) => {
    const { random, options, conspiracy } = node.world
    const { epoch, seqNr } = placeOf(node)
    const quorum = Math.floor((options.n + options.f) / 2) + 1
    const outcome = random.bytes(40)
    const vote = { epoch: Math.max(1, epoch), seqNr: seqNr + BigInt(random.integer(3)) }
    const signed = commitOf(node, { ...vote, outcomeHash: sha256(outcome) }).slice(-64)
    const signatures = Array.from({ length: quorum }, (_, oracle) => ({ oracle, signature: signed }))
    const certificate: Certificate = {
      kind: random.chance(0.8) ? 'commit' : 'prepare',
      ...vote,
      inputsHash: new Uint8Array(32),
      outcome,
      signatures,
    }
    const to = random.integer(options.n)
    if (random.chance(0.5)) {
      node.say(to, encode({ kind: 'outcome-response', certificate }))
      return
    }
    const rank = {
      seqNr: certificate.seqNr,
      committed: certificate.kind === 'commit',
      epoch: certificate.epoch,
    }
    const signature = rankSignature(node, node.index, epoch, rank)
    const proofs = [...conspiracy.members]
      .sort((a, b) => a - b)
      .map((oracle) => ({ oracle, rank, signature }))
    node.say(to, encode({ kind: 'epoch-start-request', epoch, rank, signature, certificate }))
    node.say(to, encode({ kind: 'epoch-start', epoch, certificate, proofs }))
  },
}

/** All liars sign a report that was never agreed on, and try it with the contract; and trouble peers with its signature. */
export const reportForger: Behaviour = {
  about: 'signs reports of its own making, and takes them to the contract',
  unguarded: true,
  outgoing: (node, to, bytes, message) => {
    if (message.kind !== 'report-signatures') return [bytes]
    // A report that is none, properly signed, at the place of each true one; to some beside it, to some instead.
    const reports = message.reports.map(({ index, configDigest, extraHash }) => {
      const reportHash = sha256(Uint8Array.of(to % 2))
      const context = reportContext(node.world.configDigest, message.seqNr, index, bytesToHex(extraHash))
      const digest = keccak256(reportStatement(bytesToHex(reportHash), context), 'bytes')
      const signature = node.world.keys.signReport(node.index, digest)
      return { index, configDigest, reportHash, extraHash, signature }
    })
    const lie = encode({ ...message, reports })
    return to % 3 === 0 ? [lie] : [bytes, lie]
  },
  tick: (node) => {
    const { conspiracy, keys, invariants } = node.world
    const needed = node.world.machineOptions(node.index).reportSignatures
    const digest: Hex = keccak256(concatBytes([Uint8Array.of(node.index), new Uint8Array(8)]))
    const bytes = Uint8Array.from(Buffer.from(digest.slice(2), 'hex'))
    const signatures = [...conspiracy.members]
      .slice(0, needed)
      .map((oracle) => keys.signReport(oracle, bytes))
    // A signature twice does not make two signers.
    while (signatures.length < needed) signatures.push(signatures[0] ?? new Uint8Array(65))
    invariants.submit(digest, signatures)
  },
}
