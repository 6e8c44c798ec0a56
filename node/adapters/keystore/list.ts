import type { Hex } from '../../ports/chain.ts'
import { keystorePath, readKeystore } from './files.ts'
import { checksum } from './identity.ts'
import { type Curve, type KeyRole, roleNames, roles } from './roles.ts'
import type { KeystoreFile } from './schema.ts'

/** A key as it may be shown to anybody. */
export interface ListedKey {
  readonly role: KeyRole
  readonly curve: Curve
  /** Checksummed address, or ed25519 public key; null when the file does not tell. */
  readonly identity: Hex | null
  readonly file: string
}

/**
 * The node's key files by their public parts; needs no password. Absent files and an absent folder are left out.
 *
 * @throws KeystoreError `KEYSTORE_DAMAGED`
 */
export async function listKeystores({ dir }: { dir: string }): Promise<readonly ListedKey[]> {
  const found: ListedKey[] = []
  for (const role of roleNames) {
    const content = await readKeystore(dir, role)
    if (content === null) continue
    const { curve } = roles[role]
    found.push({ role, curve, identity: publicPart(curve, content), file: keystorePath(dir, role) })
  }
  return found
}

/** The identity that a key file states in clear. */
export function publicPart(curve: Curve, content: KeystoreFile): Hex | null {
  if (curve === 'secp256k1') return content.address === undefined ? null : checksum(content.address)
  return content.pubkey === undefined ? null : `0x${content.pubkey.toLowerCase()}`
}
