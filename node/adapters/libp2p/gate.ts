import type { ConnectionGater, PeerId } from '@libp2p/interface'
import { CODE_P2P } from '@multiformats/multiaddr'
import type { Instruments } from './instruments.ts'

/** `stranger` is no member of an open channel; `cool_down` is one that is shut out for now. */
export type Refusal = 'stranger' | 'cool_down'

/**
 * Decides by authenticated peer id who may connect. An inbound peer is known once noise has finished, which is before
 * the multiplexer and every protocol above it; an outbound one is known before the dial.
 */
export function memberGate(modules: {
  readonly refusal: (peerId: string) => Refusal | null
  readonly instruments: Instruments
}): ConnectionGater {
  const denies = (peerId: PeerId): boolean => {
    const reason = modules.refusal(peerId.toString())
    if (reason !== null) modules.instruments.refused.inc({ reason })
    return reason !== null
  }
  return {
    denyDialPeer: denies,
    denyDialMultiaddr: (address) => !address.getComponents().some((component) => component.code === CODE_P2P),
    denyOutboundConnection: denies,
    denyInboundEncryptedConnection: denies,
    denyOutboundEncryptedConnection: denies,
  }
}
