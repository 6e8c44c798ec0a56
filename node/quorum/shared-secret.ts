import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { bytesToHex, type Hex, hexToBytes } from 'viem'
import { QuorumConfigError } from './errors.ts'
import { sha256 } from './signed-bytes.ts'

/**
 * A secret that the validators of a configuration share and nobody else has, as the configuration carries it. It keys
 * the order of leaders and of transmitters, so that an outsider can't tell whom to attack next. Whoever calls
 * `setConfig` draws it, and any validator could give it away: it hides an order, it protects no safety.
 */
export interface SealedSecret {
  /** X25519 public key that was drawn for this sealing alone, 32 bytes. */
  readonly ephemeralKey: Hex
  /** SHA-256 of a domain and the secret: everybody sees whether it got the same one. */
  readonly secretHash: Hex
  /** By oracle: the secret, masked for that oracle's consensus key. */
  readonly masked: readonly Hex[]
}

const SECRET_BYTES = 32
const text = (value: string) => new TextEncoder().encode(value)
const HASH_DOMAIN = text('iyi-quorum-secret-hash')
const MASK_DOMAIN = text('iyi-quorum-secret-mask')

/**
 * Draws a secret and seals it for raw ed25519 consensus keys: X25519 (RFC 7748) with each key's Montgomery form, and a
 * mask of SHA-256 over ephemeral key, oracle index and shared point that is used once. `random` must be
 * cryptographic. Throws `QUORUM_CONFIG_ORACLES` for a key that is no point of the curve.
 */
export function sealSecret(
  consensusKeys: readonly Hex[],
  random: (bytes: number) => Uint8Array,
): SealedSecret {
  const secret = random(SECRET_BYTES)
  const ephemeral = random(SECRET_BYTES)
  const ephemeralKey = x25519.getPublicKey(ephemeral)
  const masked = consensusKeys.map((key, oracle) =>
    bytesToHex(xor(secret, mask(ephemeralKey, oracle, sharedWith(ephemeral, key, oracle)))),
  )
  return { ephemeralKey: bytesToHex(ephemeralKey), secretHash: bytesToHex(hashOf(secret)), masked }
}

/**
 * The secret, by the holder of oracle `self`'s consensus key, whose X25519 agreement `agree` computes. Rejects with
 * `QUORUM_CONFIG_SECRET`: whoever set the configuration sealed something else for this oracle.
 */
export async function openSecret(
  sealed: SealedSecret,
  self: number,
  agree: (ephemeralKey: Uint8Array) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const ephemeralKey = hexToBytes(sealed.ephemeralKey)
  const shared = await agree(ephemeralKey).catch((cause: unknown) => {
    throw unopened(self, cause)
  })
  const secret = xor(hexToBytes(sealed.masked[self] ?? '0x'), mask(ephemeralKey, self, shared))
  if (bytesToHex(hashOf(secret)) !== sealed.secretHash.toLowerCase()) throw unopened(self)
  return secret
}

/** A key of small order is refused too: what is shared with it is known to all. */
function sharedWith(ephemeral: Uint8Array, key: Hex, oracle: number): Uint8Array {
  try {
    return x25519.getSharedSecret(ephemeral, ed25519.utils.toMontgomery(hexToBytes(key)))
  } catch (cause) {
    throw new QuorumConfigError(
      'QUORUM_CONFIG_ORACLES',
      `the consensus key of oracle ${oracle} is no ed25519 key; take it from \`iyi keys list\``,
      { data: { oracle, key }, cause },
    )
  }
}

function hashOf(secret: Uint8Array): Uint8Array {
  return sha256(Buffer.concat([HASH_DOMAIN, secret]))
}

function mask(ephemeralKey: Uint8Array, oracle: number, shared: Uint8Array): Uint8Array {
  return sha256(Buffer.concat([MASK_DOMAIN, ephemeralKey, Uint8Array.of(oracle), shared]))
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, i) => byte ^ (b[i] ?? 0))
}

function unopened(self: number, cause?: unknown): QuorumConfigError {
  return new QuorumConfigError(
    'QUORUM_CONFIG_SECRET',
    `the shared secret of the configuration can't be opened with the consensus key of oracle ${self}; call setConfig again with a secret that is sealed for these validators`,
    { data: { self }, cause },
  )
}
