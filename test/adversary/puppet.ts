import { hexToBytes, isHex } from 'viem'
import type { Clock } from '../../node/ports/clock.ts'
import type { PeerChannel, PeerTransport } from '../../node/ports/network.ts'
import { QUORUM_LIMITS } from '../../node/quorum/limits.ts'
import { decodeMessage, encodeMessage, type Message } from '../../node/quorum/messages.ts'

/** What a dishonest validator can do in one quorum: everything that its own keys and connections allow. */
export interface Puppet {
  readonly self: number
  /** The other validators' oracle indices. */
  readonly others: readonly number[]
  /** The quorum's config digest, 32 bytes. */
  readonly digest: Uint8Array
  /** The consensus key, without the history that keeps an honest node from signing two things for one slot. */
  sign(payload: Uint8Array): Uint8Array
  /** Another observation than this one, as the duty would encode it. */
  lie(observation: Uint8Array): Uint8Array
  /** To one peer; bytes go as they are. */
  say(to: number, what: Message | Uint8Array): void
}

/** How it deviates; what is absent is done as the honest engine behind it does. */
export interface Behaviour {
  /** What goes to `to` in place of this message. */
  outgoing?(message: Message, to: number): readonly (Message | Uint8Array)[]
  /** Hears along; the engine hears it too. */
  incoming?(message: Message, from: number): void
  /** Called again and again. */
  readonly tick?: { readonly everyMs: number; readonly run: () => void }
}

export type Adversary = (puppet: Puppet) => Behaviour

/** How often a behaviour that does nothing by itself is asked whether it still is the one. */
const IDLE_MS = 50

/** A transport on which the engine is honest and what the others see of it is not. `adversary` may change its answer. */
export function dishonest(
  transport: PeerTransport,
  options: Pick<Puppet, 'sign' | 'lie'> & { readonly adversary: () => Adversary },
  modules: { readonly clock: Clock },
): PeerTransport {
  return {
    async open(opening) {
      const { channel: name, self, peers, onMessage } = opening
      let channel: PeerChannel | null = null
      const puppet: Puppet = {
        ...options,
        self,
        others: [...peers.keys()].filter((index) => index !== self),
        digest: isHex(name) ? hexToBytes(name) : new Uint8Array(32),
        say: (to, what) => channel?.send(to, bytesOf(what)),
      }
      let now: { readonly adversary: Adversary; readonly behaviour: Behaviour } | null = null
      const behaviour = () => {
        const adversary = options.adversary()
        if (now?.adversary !== adversary) now = { adversary, behaviour: adversary(puppet) }
        return now.behaviour
      }
      const inner = await transport.open({
        ...opening,
        onMessage(from, bytes) {
          onMessage(from, bytes)
          const message = messageOf(bytes)
          if (message !== null) behaviour().incoming?.(message, from)
        },
      })
      channel = inner
      const again = () => {
        if (channel === null) return
        const { tick } = behaviour()
        tick?.run()
        modules.clock.setTimer(tick?.everyMs ?? IDLE_MS, again)
      }
      again()
      return {
        send(to, bytes) {
          const message = messageOf(bytes)
          const instead = message === null ? undefined : behaviour().outgoing?.(message, to)
          for (const each of instead ?? [bytes]) inner.send(to, bytesOf(each))
        },
        connected: () => inner.connected(),
        async close() {
          channel = null
          await inner.close()
        },
      }
    },
  }
}

function bytesOf(what: Message | Uint8Array): Uint8Array {
  return what instanceof Uint8Array ? what : encodeMessage(what, QUORUM_LIMITS)
}

/** Null for what another adversary made up. */
function messageOf(bytes: Uint8Array): Message | null {
  try {
    return decodeMessage(bytes, QUORUM_LIMITS)
  } catch {
    return null
  }
}
