import { z } from 'zod'

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-fA-F]{${bytes * 2}}$`))
const anyHex = z.string().regex(/^(?:[0-9a-fA-F]{2})+$/)

const scrypt = z.object({
  kdf: z.literal('scrypt'),
  kdfparams: z.object({
    n: z.int().min(2),
    r: z.int().min(1),
    p: z.int().min(1),
    dklen: z.int().min(32).max(64),
    salt: anyHex,
  }),
})
const pbkdf2 = z.object({
  kdf: z.literal('pbkdf2'),
  kdfparams: z.object({
    c: z.int().min(1).max(10_000_000),
    prf: z.literal('hmac-sha256'),
    dklen: z.int().min(32).max(64),
    salt: anyHex,
  }),
})
const cipher = z.object({
  cipher: z.literal('aes-128-ctr'),
  ciphertext: anyHex,
  cipherparams: z.object({ iv: hex(16) }),
  mac: hex(32),
})

/** Web3 Secret Storage Definition, version 3, with the public part in clear: `address` (secp256k1) or `pubkey` (ed25519). */
export const keystoreSchema = z.object({
  version: z.literal(3),
  id: z.string(),
  /** 20 bytes, lower-case hex without 0x, as geth writes it. */
  address: hex(20).optional(),
  /** 32 bytes of an ed25519 public key, hex without 0x; `pubkey` as in EIP-2335. */
  pubkey: hex(32).optional(),
  description: z.string().optional(),
  crypto: z.discriminatedUnion('kdf', [scrypt.extend(cipher.shape), pbkdf2.extend(cipher.shape)]),
})

export type KeystoreFile = z.output<typeof keystoreSchema>
