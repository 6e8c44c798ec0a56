import { QUORUM_LIMITS, type QuorumLimits } from '../../../../node/quorum/limits.ts'
import {
  encodeMessage,
  type Message,
  type MessageKind,
  type MessageOf,
} from '../../../../node/quorum/messages.ts'
import {
  type CertificateRank,
  commitSignedBytes,
  epochStartSignedBytes,
  inputsHash,
  observationSignedBytes,
  prepareSignedBytes,
  proposalSignedBytes,
  sha256,
  signatureListBytes,
} from '../../../../node/quorum/signed-bytes.ts'
import type { SimNode } from '../node.ts'

/** Nothing that fits a frame is too large for a liar. */
const WIDE: QuorumLimits = {
  ...QUORUM_LIMITS,
  query: 2 ** 20,
  observation: 2 ** 20,
  outcome: 2 ** 21,
  reports: 200,
}

export const encode = (message: Message): Uint8Array => encodeMessage(message, WIDE)

export const LEADER_KINDS: readonly MessageKind[] = ['epoch-start', 'round-start', 'proposal', 'idle']

export interface Place {
  readonly epoch: number
  readonly seqNr: bigint
}

/** A liar's signature; of anybody who is none it is a forgery, and does not verify. */
export function signAs(node: SimNode, oracle: number, payload: Uint8Array): Uint8Array {
  const { keys, conspiracy } = node.world
  return keys.sign(conspiracy.members.has(oracle) ? oracle : node.index, payload)
}

const at = (node: SimNode, { epoch, seqNr }: Place, digest = node.world.digest) => ({ digest, epoch, seqNr })

export function prepareOf(
  node: SimNode,
  vote: Omit<MessageOf<'prepare'>, 'kind' | 'signature'>,
  digest?: Uint8Array,
): Uint8Array {
  const { epoch, seqNr, inputsHash, outcomeHash, proposal } = vote
  const payload = prepareSignedBytes(at(node, vote, digest), inputsHash, outcomeHash)
  const signature = signAs(node, node.index, payload)
  return encode({ kind: 'prepare', epoch, seqNr, inputsHash, outcomeHash, signature, proposal })
}

/** A proposal that its leader signs as it is. */
export function proposalOf(node: SimNode, message: MessageOf<'proposal'>): Uint8Array {
  const { query, observations } = message
  const place = at(node, message)
  const previous = node.machine?.view().previousOutcome ?? null
  const inputs = inputsHash(place, query, previous, observations)
  const signed = proposalSignedBytes(place, inputs, sha256(signatureListBytes(observations)))
  return encode({ ...message, signature: signAs(node, node.index, signed) })
}

export function commitOf(
  node: SimNode,
  vote: Place & { readonly outcomeHash: Uint8Array },
  digest?: Uint8Array,
): Uint8Array {
  const { epoch, seqNr, outcomeHash } = vote
  const signature = signAs(node, node.index, commitSignedBytes(at(node, vote, digest), outcomeHash))
  return encode({ kind: 'commit', epoch, seqNr, outcomeHash, signature })
}

export function observationSignature(
  node: SimNode,
  oracle: number,
  place: Place,
  query: Uint8Array,
  observation: Uint8Array,
  digest?: Uint8Array,
): Uint8Array {
  return signAs(node, oracle, observationSignedBytes(at(node, place, digest), query, observation))
}

export function rankSignature(
  node: SimNode,
  oracle: number,
  epoch: number,
  rank: CertificateRank,
  digest: Uint8Array = node.world.digest,
): Uint8Array {
  return signAs(node, oracle, epochStartSignedBytes(digest, epoch, rank))
}

const told = new WeakMap<SimNode, Map<string, Uint8Array>>()

/** The same lie to everybody who is told it, however often: what each peer hears alone convinces nobody. */
export function once(node: SimNode, lie: string, make: () => Uint8Array): Uint8Array {
  const lies = told.get(node) ?? new Map<string, Uint8Array>()
  told.set(node, lies)
  const bytes = lies.get(lie) ?? make()
  lies.set(lie, bytes)
  return bytes
}

/** To every other node. */
export function sayToAll(node: SimNode, bytes: Uint8Array): void {
  for (let to = 0; to < node.world.options.n; to++) node.say(to, bytes)
}

/** Where this node's machine stands. */
export function placeOf(node: SimNode): Place & { readonly leads: boolean } {
  const view = node.machine?.view()
  return {
    epoch: view?.epoch ?? 0,
    seqNr: (view?.committedSeqNr ?? 0n) + 1n,
    leads: view?.started === true && view.leader === node.index,
  }
}
