import { hexToBytes } from 'viem'
import type { ReportSignature } from '../../../../node/quorum/messages.ts'
import type { Behaviour } from '../behaviour.ts'
import type { SimNode } from '../node.ts'
import { encode, placeOf } from './craft.ts'

export const babbler: Behaviour = {
  about: 'sends noise beside its proper messages: random bytes, forged signatures, replays, wrong frames',
  tick: (node) => node.say(node.world.random.integer(node.world.options.n), noise(node)),
}

export const flooder: Behaviour = {
  about: 'sends one peer at a time as much as fits through',
  tick: (node) => {
    const { random, options } = node.world
    if (!random.chance(0.1)) return
    const to = random.integer(options.n)
    const frames = [noise(node), noise(node), noise(node), noise(node)]
    for (let i = 0; i < 300; i++) node.say(to, frames[i % frames.length] ?? new Uint8Array())
  },
}

export const queryFlooder: Behaviour = {
  about: 'as leader floods with queries that do not decode',
  outgoing: (_node, _to, bytes, message) => {
    if (message.kind !== 'round-start') return [bytes]
    return Array.from({ length: 50 }, (_, i) => encode({ ...message, query: Uint8Array.of(i) }))
  },
}

/** What asks for large answers, over and over. */
export const beggar: Behaviour = {
  about: 'asks for outcomes and epoch starts without end',
  tick: (node) => {
    const { epoch } = placeOf(node)
    const to = node.world.random.integer(node.world.options.n)
    for (let i = 0; i < 5; i++) {
      node.say(to, encode({ kind: 'outcome-request', epoch, started: false, seqNr: 0n }))
    }
  },
}

export const dreamer: Behaviour = {
  about: 'speaks of epochs and sequence numbers that are far ahead',
  tick: (node) => {
    const { random, options } = node.world
    const { epoch, seqNr } = placeOf(node)
    const to = random.integer(options.n)
    const ahead = { epoch: epoch + 1 + random.integer(1_000), seqNr: seqNr + BigInt(random.integer(1_000)) }
    const signature = random.bytes(64)
    const hash = random.bytes(32)
    node.say(to, encode({ kind: 'wish', epoch: random.pick([ahead.epoch, 0xffff_fffe, 0xffff_ffff]) }))
    node.say(
      to,
      encode({ kind: 'prepare', ...ahead, inputsHash: hash, outcomeHash: hash, signature, proposal: null }),
    )
    node.say(to, encode({ kind: 'commit', ...ahead, outcomeHash: hash, signature }))
    node.say(to, encode({ kind: 'observation', ...ahead, observation: hash, signature }))
    node.say(
      to,
      encode({
        kind: 'report-signatures',
        seqNr: ahead.seqNr,
        reports: [randomReport(node)],
      }),
    )
  },
}

function noise(node: SimNode): Uint8Array {
  const { random, limits, conspiracy, options } = node.world
  const place = placeOf(node)
  const epoch = place.epoch + random.integer(3)
  const seqNr = place.seqNr - 1n + BigInt(random.integer(4))
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
        proposal: { signaturesHash: outcomeHash, signature },
      })
    case 2:
      return encode({ kind: 'commit', epoch, seqNr, outcomeHash, signature })
    case 3:
      return encode({ kind: 'observation', epoch, seqNr, observation: random.bytes(8), signature })
    case 4:
      return conspiracy.anything()?.bytes ?? new Uint8Array()
    case 5:
      return new Uint8Array(limits.outcome + 10_000)
    case 6:
      return encode({ kind: 'wish', epoch: 0xffff_ffff })
    case 7:
      return encode({
        kind: 'report-signatures',
        seqNr,
        reports: [randomReport(node)],
      })
    case 8: {
      const signers = Math.floor((options.n + options.f) / 2) + 1
      const certificate = {
        kind: 'commit' as const,
        epoch: Math.max(1, epoch),
        seqNr: seqNr + 5n,
        inputsHash: new Uint8Array(32),
        outcome: random.bytes(10),
        signatures: Array.from({ length: signers }, (_, oracle) => ({ oracle, signature })),
      }
      return encode({ kind: 'outcome-response', certificate })
    }
    default:
      return encode({ kind: 'outcome-request', epoch, started: false, seqNr: 0n })
  }
}

function randomReport({ world }: SimNode): ReportSignature {
  const { random, configDigest } = world
  return {
    index: 0,
    configDigest: hexToBytes(configDigest),
    reportHash: random.bytes(32),
    extraHash: random.bytes(32),
    signature: random.bytes(65),
  }
}
