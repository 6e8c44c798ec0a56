import type { Address, Hex } from './chain.ts'

/**
 * What a signature is for. A signer keeps, durably and per (key, purpose, scope), the highest position it signed and
 * what it signed there: it refuses a lower position, and another payload at the same one (the idea of EIP-3076). So no
 * crash, restore or second process makes a validator sign two different things for one slot.
 */
export interface SigningSlot {
  /**
   * `observation`, `proposal`, `prepare`, `commit`, `epoch-start`, `report` (index 0), `report-<index>` (the others: a
   * line each, so that after a restart all reports of the last outcome can be signed again), or
   * `<plugin id>/<purpose>`. 1 to 128 printable ASCII characters.
   */
  readonly purpose: string
  /** What the numbering belongs to: a config digest, 32 bytes in lower-case hex. */
  readonly scope: Hex
  /** Compared lexicographically: (epoch, sequence), or (sequence, index). */
  readonly position: readonly [bigint, bigint]
}

/** Rejects with `SignerError`: `SIGNER_SLOT_CONFLICT`, `SIGNER_SLOT_PASSED`, `SIGNER_BAD_SLOT`, `SIGNER_UNAVAILABLE` (retry). */
export interface GuardedSigner {
  /** The history is durable before the signature is returned. The same payload for the same slot is signed again alike. */
  sign(slot: SigningSlot, payload: Uint8Array): Promise<Uint8Array>
}

/** The validator's own keys, as seen by the quorum engine. */
export interface ValidatorSigners {
  /** ed25519 over the raw message bytes (RFC 8032): 64-byte signature. */
  readonly consensus: GuardedSigner & {
    readonly publicKey: Uint8Array
    /**
     * X25519 (RFC 7748) of this key's Montgomery form with a public key of 32 bytes: what a configuration's secret is
     * masked with. Signs nothing. Rejects for a point of small order.
     */
    agree(publicKey: Uint8Array): Promise<Uint8Array>
  }
  /** secp256k1 over a 32-byte digest, no prefix: r || s || v, 65 bytes, low s, v in {0, 1}. */
  readonly report: GuardedSigner & { readonly address: Address }
}
