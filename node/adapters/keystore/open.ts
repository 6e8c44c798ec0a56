import { decryptSecret } from './cipher.ts'
import { identityOf } from './create.ts'
import { KeystoreError } from './errors.ts'
import { checkModes, keystorePath, readKeystore } from './files.ts'
import { ConsensusKey, type NodeKeys, PeerKey, ReportKey, TransmitterKey } from './keys.ts'
import { publicPart } from './list.ts'
import { type KeyRole, roleNames, roles } from './roles.ts'
import type { KeystoreFile } from './schema.ts'

/**
 * Opens the four keys of a node.
 *
 * @throws KeystoreError `KEYSTORE_MISSING`, `KEYSTORE_UNSAFE_MODE`, `KEYSTORE_WRONG_PASSWORD`, `KEYSTORE_DAMAGED`,
 *   `KEYSTORE_MISMATCH` (the file's public part is not of its key), `KEYSTORE_UNSUPPORTED`
 */
export async function openKey<K>(
  { role, file, content, password }: { role: KeyRole; file: string; content: KeystoreFile; password: string },
  make: (secret: Uint8Array) => K,
): Promise<K> {
  const secret = await decryptSecret(content.crypto, password).catch((error: unknown) => {
    if (!(error instanceof KeystoreError)) throw error
    throw new KeystoreError(error.code, `${file}: ${error.message}`, { data: { ...error.data, file } })
  })
  try {
    const stated = publicPart(roles[role].curve, content)
    if (secret.length !== 32 || (stated !== null && stated !== identityOf(role, secret))) {
      throw new KeystoreError(
        'KEYSTORE_MISMATCH',
        `${file} holds another key than it says. Was it renamed or edited? Restore it from your backup.`,
        { data: { file, stated } },
      )
    }
    return make(secret)
  } finally {
    secret.fill(0)
  }
}
