import { privateKeyFromRaw, publicKeyFromRaw } from '@libp2p/crypto/keys'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromPublicKey, peerIdFromString } from '@libp2p/peer-id'
import { CODE_P2P, type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { ed25519 } from '@noble/curves/ed25519.js'
import { NetworkError } from './errors.ts'

const KEY_BYTES = 32

/**
 * The libp2p key and identity of a 32-byte ed25519 seed (RFC 8032 section 5.1.5).
 * Throws `NetworkError` `NET_BAD_KEY`.
 */
export function identityFromSeed(seed: Uint8Array): {
  readonly privateKey: PrivateKey
  readonly publicKey: Uint8Array
  readonly peerId: PeerId
} {
  if (seed.length !== KEY_BYTES) {
    throw new NetworkError('NET_BAD_KEY', 'Give the peer key as a 32-byte ed25519 seed', {
      data: { reason: `${seed.length} bytes` },
    })
  }
  const publicKey = ed25519.getPublicKey(seed)
  const raw = new Uint8Array(2 * KEY_BYTES)
  raw.set(seed)
  raw.set(publicKey, KEY_BYTES)
  return {
    privateKey: privateKeyFromRaw(raw),
    publicKey,
    peerId: peerIdFromPublicKey(publicKeyFromRaw(publicKey)),
  }
}

/** The libp2p identity of a raw 32-byte ed25519 public key. Throws `NetworkError` `NET_BAD_KEY`. */
export function peerIdFromKey(key: Uint8Array): PeerId {
  if (key.length !== KEY_BYTES) {
    throw new NetworkError('NET_BAD_KEY', 'Give peer keys as raw 32-byte ed25519 public keys', {
      data: { reason: `${key.length} bytes` },
    })
  }
  return peerIdFromPublicKey(publicKeyFromRaw(key))
}

export interface PeerAddress {
  readonly peerId: PeerId
  readonly address: Multiaddr
}

/** Parses `/ip4/…/tcp/…/p2p/<id>`. Throws `NetworkError` `NET_BAD_ADDRESS`. */
export function parsePeerAddress(text: string): PeerAddress {
  const address = parseAddress(text)
  const id = address.getComponents().findLast((component) => component.code === CODE_P2P)?.value
  if (id === undefined) {
    throw badAddress(text, 'it does not end in /p2p/<peer id>')
  }
  try {
    return { peerId: peerIdFromString(id), address }
  } catch {
    throw badAddress(text, 'its peer id is not valid')
  }
}

/** Parses a multiaddr with a TCP port. Throws `NetworkError` `NET_BAD_ADDRESS`. */
export function parseAddress(text: string): Multiaddr {
  let address: Multiaddr
  try {
    address = multiaddr(text)
  } catch (error) {
    throw badAddress(text, error instanceof Error ? error.message : 'not a multiaddr')
  }
  if (!address.getComponents().some((component) => component.name === 'tcp')) {
    throw badAddress(text, 'it has no /tcp/<port>')
  }
  return address
}

function badAddress(address: string, reason: string): NetworkError {
  return new NetworkError('NET_BAD_ADDRESS', `Correct the peer address ${address}: ${reason}`, {
    data: { address, reason },
  })
}
