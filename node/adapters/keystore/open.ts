import { decryptSecret } from './cipher.ts'
import { KeystoreError } from './errors.ts'
import { checkModes, keystorePath, readKeystore } from './files.ts'
import { identityOf } from './identity.ts'
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
export async function openKeystores(options: { dir: string; password: string }): Promise<NodeKeys> {
  const { dir, password } = options
  const contents = new Map<KeyRole, KeystoreFile>()
  for (const role of roleNames) {
    const content = await readKeystore(dir, role)
    if (content !== null) contents.set(role, content)
  }
  const absent = roleNames.filter((role) => !contents.has(role))
  if (absent.length > 0) throw missing(absent.map((role) => keystorePath(dir, role)))
  await checkModes(
    dir,
    roleNames.map((role) => keystorePath(dir, role)),
  )
  // One after the other: each derivation of a standard file takes 256 MB.
  const open = <K>(role: KeyRole, make: (secret: Uint8Array) => K): Promise<K> => {
    const file = keystorePath(dir, role)
    const content = contents.get(role)
    if (content === undefined) throw missing([file])
    return openKey({ role, file, content, password }, make)
  }
  return {
    peer: await open('peer', (secret) => new PeerKey(secret)),
    consensus: await open('consensus', (secret) => new ConsensusKey(secret)),
    signer: await open('signer', (secret) => new ReportKey(secret)),
    transmitter: await open('transmitter', (secret) => new TransmitterKey(secret)),
  }
}

function missing(files: readonly string[]): KeystoreError {
  return new KeystoreError(
    'KEYSTORE_MISSING',
    `Key files are missing: ${files.join(', ')}. Make the keys with "iyi init", or restore the files from your backup.`,
    { data: { files } },
  )
}

async function openKey<K>(
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
