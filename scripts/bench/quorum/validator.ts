import { setTimeout as sleep } from 'node:timers/promises'
import type { Address, Hex } from '../../../node/ports/chain.ts'
import type { PeerTransport } from '../../../node/ports/network.ts'
import type { Duty } from '../../../node/ports/quorum.ts'
import type { GuardedSigner, ValidatorSigners } from '../../../node/ports/signer.ts'
import type { VerificationFactory } from '../../../node/quorum/consensus-key.ts'
import { QUORUM_LIMITS } from '../../../node/quorum/limits.ts'
import { decodeMessage, MESSAGE_KIND } from '../../../node/quorum/messages.ts'
import { quorumService } from '../../../node/quorum/service.ts'
import {
  type Identity,
  type MemoryChain,
  MemorySender,
  MemoryStore,
  realClock,
  silentLog,
} from '../../../test/quorum/memory/ports.ts'
import { type MedianOutcome, medianDuty } from '../../../test/quorum/simulation/median.ts'
import { type Board, MODE } from './board.ts'
import { contractOf } from './identity.ts'
import { boardMetrics, dutyId } from './metrics.ts'

/** A rest between two rounds of which each has the machine for itself. */
const REST_MS = 10
/** How often something awaited is looked at. */
export const LOOK_MS = 5
const LOOK_AT_PEERS_MS = 50

/** Runs a validator of all duties: the engine as a node has it, its key operations and its messages counted. */
export async function startValidator(
  options: { readonly node: number; readonly digests: readonly Hex[] },
  modules: {
    readonly board: Board
    readonly identity: Identity
    readonly chain: MemoryChain
    readonly transport: PeerTransport
    readonly verification: VerificationFactory
  },
): Promise<() => Promise<void>> {
  const { node, digests } = options
  const { board, identity, chain, transport } = modules
  const service = quorumService(
    { transmitter: identity.transmitter, peerKey: identity.peerKey },
    {
      transport: watchedTransport(transport, digests, board),
      store: new MemoryStore(),
      signers: countedSigners(identity.signers, board),
      verification: countedVerification(modules.verification, board),
      chain,
      sender: new MemorySender(identity.transmitter),
      clock: realClock,
      log: silentLog,
      metrics: boardMetrics(board, node),
    },
  )
  for (const duty of digests.keys()) service.register(gatedDuty(duty, node, board))
  await service.start()
  return () => service.stop(AbortSignal.timeout(5_000))
}

function gatedDuty(duty: number, node: number, board: Board): Duty<bigint, bigint, MedianOutcome> {
  const median = medianDuty(dutyId(duty), contractOf(duty), {
    query: (seqNr) => seqNr,
    observe: (seqNr) => seqNr * 10n + BigInt(node),
    shouldTransmit: () => false,
  })
  return {
    ...median,
    query: async (ctx, previous) => {
      await permission(board, duty, Number(ctx.seqNr), ctx.signal)
      return median.query(ctx, previous)
    },
    // The median of the simulations bounds its values, a long run does not.
    validate: () => {},
  }
}

/** The leader asks what its next round is about; the answer is what its beginning waits for. */
async function permission(board: Board, duty: number, seqNr: number, signal: AbortSignal): Promise<void> {
  let rested = false
  while (board.mode !== MODE.free) {
    const due = board.mode === MODE.single && board.rounds(duty) === seqNr - 1
    if (due && rested) return
    await sleep(due ? REST_MS : LOOK_MS, undefined, { signal })
    rested = due
  }
}

/** A channel opens when all validators have theirs and reach one another: what is measured begins with a whole network. */
function watchedTransport(transport: PeerTransport, digests: readonly Hex[], board: Board): PeerTransport {
  const all = board.memory.n * board.memory.duties
  return {
    open: async (options) => {
      const channel = await transport.open(options)
      const others = options.peers.length - 1
      board.add('opened')
      while (channel.connected().length < others) await sleep(LOOK_AT_PEERS_MS)
      board.add('connected')
      while (board.get('connected') < all) await sleep(LOOK_AT_PEERS_MS)
      const timed = options.channel === digests[0]
      return {
        ...channel,
        send: (to, bytes) => {
          const kind = bytes[1] ?? 0
          if (timed && kind === MESSAGE_KIND['round-start']) noteStart(bytes, board)
          board.sent(kind, bytes.length)
          channel.send(to, bytes)
        },
      }
    },
  }
}

function noteStart(bytes: Uint8Array, board: Board): void {
  const message = decodeMessage(bytes, QUORUM_LIMITS)
  if (message.kind === 'round-start') board.started(Number(message.seqNr))
}

function countedSigners(signers: ValidatorSigners, board: Board): ValidatorSigners {
  const counted = (signer: GuardedSigner, name: 'ed25519Sign' | 'secp256k1Sign'): GuardedSigner => ({
    sign: (slot, payload) => {
      board.add(name)
      return signer.sign(slot, payload)
    },
  })
  const { consensus, report } = signers
  return {
    consensus: { ...consensus, ...counted(consensus, 'ed25519Sign') },
    report: { ...report, ...counted(report, 'secp256k1Sign') },
  }
}

function countedVerification(factory: VerificationFactory, board: Board): VerificationFactory {
  return (oracles) => {
    const { consensus, recover } = factory(oracles)
    return {
      consensus: (...args) => {
        board.add('ed25519Verify')
        return consensus(...args)
      },
      recover: (digest: Uint8Array, signature: Uint8Array, expected?: Address) => {
        board.add(expected === undefined ? 'secp256k1Recover' : 'secp256k1Check')
        return recover(digest, signature, expected)
      },
    }
  }
}
