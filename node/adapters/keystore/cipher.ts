import {
  createCipheriv,
  createDecipheriv,
  pbkdf2 as pbkdf2Callback,
  randomBytes,
  type ScryptOptions,
  scrypt as scryptCallback,
  timingSafeEqual,
} from 'node:crypto'
import { promisify } from 'node:util'
import { scryptAsync } from '@noble/hashes/scrypt.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { KeystoreError } from './errors.ts'
import type { KeystoreFile } from './schema.ts'

const scrypt = promisify<Buffer, Buffer, number, ScryptOptions, Buffer>(scryptCallback)
const pbkdf2 = promisify(pbkdf2Callback)

type Crypto = KeystoreFile['crypto']

/** Cost of the key derivation: geth's `StandardScrypt` (256 MB, about a second) and `LightScrypt` (4 MB). */
export type ScryptStrength = 'standard' | 'light'
const strengths = { standard: { n: 262_144, r: 8, p: 1 }, light: { n: 4_096, r: 8, p: 6 } } as const

// A file that asks for more than this is an attack on the node's memory, or a mistake.
const maxScryptBytes = 1024 ** 3

/**
 * Encrypts a secret: scrypt, AES-128-CTR with the first half of the derived key, and a Keccak-256 MAC over its second
 * half and the ciphertext (Web3 Secret Storage Definition, version 3).
 */
export async function encryptSecret(
  secret: Uint8Array,
  password: string,
  strength: ScryptStrength,
): Promise<Crypto> {
  const kdfparams = { ...strengths[strength], dklen: 32, salt: randomBytes(32).toString('hex') }
  const derived = await deriveKey({ kdf: 'scrypt', kdfparams }, password)
  const iv = randomBytes(16)
  try {
    const cipher = createCipheriv('aes-128-ctr', derived.subarray(0, 16), iv)
    const ciphertext = Buffer.concat([cipher.update(secret), cipher.final()])
    return {
      cipher: 'aes-128-ctr',
      ciphertext: ciphertext.toString('hex'),
      cipherparams: { iv: iv.toString('hex') },
      kdf: 'scrypt',
      kdfparams,
      mac: macOf(derived, ciphertext).toString('hex'),
    }
  } finally {
    derived.fill(0)
  }
}

/**
 * Reverse of `encryptSecret`; understands pbkdf2 files too. The caller wipes the result.
 *
 * @throws KeystoreError `KEYSTORE_WRONG_PASSWORD`, `KEYSTORE_UNSUPPORTED`
 */
export async function decryptSecret(crypto: Crypto, password: string): Promise<Buffer> {
  const derived = await deriveKey(crypto, password)
  try {
    const ciphertext = Buffer.from(crypto.ciphertext, 'hex')
    if (!timingSafeEqual(macOf(derived, ciphertext), Buffer.from(crypto.mac, 'hex'))) {
      throw new KeystoreError('KEYSTORE_WRONG_PASSWORD', 'The password does not open this key file.', {
        data: {},
      })
    }
    const iv = Buffer.from(crypto.cipherparams.iv, 'hex')
    const decipher = createDecipheriv('aes-128-ctr', derived.subarray(0, 16), iv)
    const head = decipher.update(ciphertext)
    const secret = Buffer.concat([head, decipher.final()])
    head.fill(0)
    return secret
  } finally {
    derived.fill(0)
  }
}

async function deriveKey(crypto: Pick<Crypto, 'kdf' | 'kdfparams'>, password: string): Promise<Buffer> {
  const secret = Buffer.from(password, 'utf8')
  const salt = Buffer.from(crypto.kdfparams.salt, 'hex')
  try {
    if ('prf' in crypto.kdfparams) {
      return await pbkdf2(secret, salt, crypto.kdfparams.c, crypto.kdfparams.dklen, 'sha256')
    }
    const { n, r, p, dklen } = crypto.kdfparams
    // RFC 7914: N a power of two; N blocks of 128 * r bytes, and p more.
    const memory = 128 * r * (n + p + 2)
    if (memory > maxScryptBytes || p > 64 || (n & (n - 1)) !== 0) {
      throw new KeystoreError(
        'KEYSTORE_UNSUPPORTED',
        'The key file asks for a key derivation that is no valid scrypt or needs over 1 GiB. Encrypt the key again with common settings.',
        { data: { n, r, p } },
      )
    }
    // RFC 7914 wants N < 2^(16 r) and OpenSSL insists; some wallets, and the definition's own test vector, do not.
    if (n >= 2 ** (16 * r)) {
      return Buffer.from(
        await scryptAsync(secret, salt, { N: n, r, p, dkLen: dklen, maxmem: memory + 1024 ** 2 }),
      )
    }
    return await scrypt(secret, salt, dklen, { N: n, r, p, maxmem: memory + 1024 ** 2 })
  } finally {
    secret.fill(0)
  }
}

function macOf(derived: Buffer, ciphertext: Buffer): Buffer {
  const input = Buffer.concat([derived.subarray(16, 32), ciphertext])
  const mac = Buffer.from(keccak_256(input))
  input.fill(0)
  return mac
}
