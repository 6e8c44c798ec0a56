import { randomBytes, randomUUID } from 'node:crypto'
import { rm, stat } from 'node:fs/promises'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import type { Address, Hex } from '../../ports/chain.ts'
import { encryptSecret, type ScryptStrength } from './cipher.ts'
import { KeystoreError } from './errors.ts'
import { existing, keystorePath, writeKeystore } from './files.ts'
import { identityOf } from './identity.ts'
import { type KeyRole, roleNames, roles } from './roles.ts'

export interface CreateKeystoresOptions {
  /** Made with mode 0700 if absent. */
  readonly dir: string
  readonly password: string
  /** `standard` for keys that matter; `light` for throw-away networks. */
  readonly scrypt: ScryptStrength
}

/** Public parts of a node's keys. */
export interface NodeIdentity {
  /** ed25519, 32 bytes. */
  readonly peer: Hex
  /** ed25519, 32 bytes. */
  readonly consensus: Hex
  readonly signer: Address
  readonly transmitter: Address
}

/**
 * Makes the four keys of a node and writes each encrypted to `<dir>/<role>.json`, mode 0600. All or nothing; never
 * overwrites.
 *
 * @throws KeystoreError `KEYSTORE_EXISTS`, `KEYSTORE_BAD_PASSWORD`
 */
export async function createKeystores(options: CreateKeystoresOptions): Promise<NodeIdentity> {
  const { dir, password, scrypt } = options
  if (password === '') {
    throw new KeystoreError('KEYSTORE_BAD_PASSWORD', 'The keystores need a password that is not empty.', {
      data: {},
    })
  }
  const present: string[] = []
  for (const role of roleNames) {
    const path = keystorePath(dir, role)
    if (await stat(path).catch(() => null)) present.push(path)
  }
  if (present.length > 0) throw existing(present)

  const written: string[] = []
  const create = async (role: KeyRole) => {
    const secret = Buffer.from(newSecret(role))
    try {
      const identity = identityOf(role, secret)
      const publicPart = identity.slice(2).toLowerCase()
      const content = {
        version: 3 as const,
        id: randomUUID(),
        ...(roles[role].curve === 'secp256k1' ? { address: publicPart } : { pubkey: publicPart }),
        description: `IYI node ${role} key (${roles[role].curve}): ${roles[role].is}`,
        crypto: await encryptSecret(secret, password, scrypt),
      }
      written.push(await writeKeystore(dir, role, content))
      return identity
    } finally {
      secret.fill(0)
    }
  }
  try {
    return {
      peer: await create('peer'),
      consensus: await create('consensus'),
      signer: await create('signer'),
      transmitter: await create('transmitter'),
    }
  } catch (error) {
    // These were made a moment ago and nobody has seen them: half a set is of no use and would block the next try.
    await Promise.all(written.map((path) => rm(path, { force: true })))
    throw error
  }
}

function newSecret(role: KeyRole): Uint8Array {
  return roles[role].curve === 'ed25519' ? randomBytes(32) : secp256k1.utils.randomSecretKey()
}
