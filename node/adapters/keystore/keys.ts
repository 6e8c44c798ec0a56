import { type KeyObject, sign } from 'node:crypto'
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import type { Address, Hex } from '../../ports/chain.ts'
import { KeystoreError } from './errors.ts'
import { addressOf, ed25519Key, ed25519PublicKey, toHex } from './identity.ts'

// Secrets live in private fields: neither util.inspect, nor JSON, nor structuredClone sees them.

/** Identity of the node in the peer-to-peer network. */
export class PeerKey {
  readonly publicKey: Uint8Array
  readonly #seed: Uint8Array

  constructor(seed: Uint8Array) {
    this.#seed = Uint8Array.from(seed)
    this.publicKey = ed25519PublicKey(ed25519Key(seed))
  }

  /** A copy of the 32-byte seed, for the network library; the caller may wipe it. */
  get seed(): Uint8Array {
    return Uint8Array.from(this.#seed)
  }
}

/** Signs the messages of the quorum protocol. Signatures are deterministic (RFC 8032). */
export class ConsensusKey {
  /** Public key in hex: the name in the signing history. */
  readonly id: string
  readonly publicKey: Uint8Array
  readonly #key: KeyObject
  /** The same secret in Montgomery form. */
  readonly #agreement: Uint8Array

  constructor(seed: Uint8Array) {
    this.#key = ed25519Key(seed)
    this.#agreement = ed25519.utils.toMontgomerySecret(seed)
    this.publicKey = ed25519PublicKey(this.#key)
    this.id = toHex(this.publicKey)
  }

  /** ed25519 over the bytes as they are: 64 bytes. */
  readonly sign = (bytes: Uint8Array): Uint8Array => Uint8Array.from(sign(null, bytes, this.#key))

  /** X25519 (RFC 7748) with another's public key: 32 bytes. Throws for a point of small order. */
  readonly agree = (publicKey: Uint8Array): Uint8Array => x25519.getSharedSecret(this.#agreement, publicKey)
}

/** Signs reports that a contract checks with `ecrecover`. Signatures are deterministic (RFC 6979). */
export class ReportKey {
  /** Address: the name in the signing history. */
  readonly id: string
  readonly address: Address
  readonly #key: Uint8Array

  constructor(key: Uint8Array) {
    this.#key = Uint8Array.from(key)
    this.address = addressOf(key)
    this.id = this.address
  }

  /**
   * secp256k1 over a 32-byte digest, no prefix: r || s || v, 65 bytes, s in the lower half of the order (EIP-2), v 0 or 1.
   *
   * @throws KeystoreError `KEYSTORE_BAD_DIGEST`
   */
  readonly sign = (digest: Uint8Array): Uint8Array => {
    if (digest.length !== 32) {
      throw new KeystoreError('KEYSTORE_BAD_DIGEST', 'The report key signs 32-byte digests only.', {
        data: { length: digest.length },
      })
    }
    const [v = 0, ...rs] = secp256k1.sign(digest, this.#key, {
      prehash: false,
      lowS: true,
      format: 'recovered',
    })
    // v 2 and 3 mean r >= n: about one digest in 2^127; ecrecover has no form for it.
    if (v > 1)
      throw new KeystoreError('KEYSTORE_BAD_DIGEST', 'This digest has no signature for ecrecover.', {
        data: {},
      })
    return Uint8Array.from([...rs, v])
  }
}

/** Account that sends and pays for transactions. */
export class TransmitterKey {
  readonly address: Address
  readonly #key: Uint8Array

  constructor(key: Uint8Array) {
    this.#key = Uint8Array.from(key)
    this.address = addressOf(key)
  }

  /** For the chain library's account; keep it out of logs and longer-lived variables. */
  get privateKey(): Hex {
    return toHex(this.#key)
  }
}

/** The keys of a running node. */
export interface NodeKeys {
  readonly peer: PeerKey
  readonly consensus: ConsensusKey
  readonly signer: ReportKey
  readonly transmitter: TransmitterKey
}
