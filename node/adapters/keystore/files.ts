import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { KeystoreError } from './errors.ts'
import type { KeyRole } from './roles.ts'
import { type KeystoreFile, keystoreSchema } from './schema.ts'

export function keystorePath(dir: string, role: KeyRole): string {
  return join(dir, `${role}.json`)
}

/**
 * Writes a new file, mode 0600: whole and on disk, or not there at all. A file that exists is never touched: the last
 * step is a hard link, which fails on an existing name where a rename would replace it.
 *
 * @throws KeystoreError `KEYSTORE_EXISTS`
 */
export async function writeKeystore(dir: string, role: KeyRole, content: KeystoreFile): Promise<string> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const path = keystorePath(dir, role)
  const partial = `${path}.${randomUUID()}.tmp`
  const file = await open(partial, 'wx', 0o600)
  try {
    await file.writeFile(`${JSON.stringify(content, null, 2)}\n`)
    await file.sync()
    await file.close()
    await link(partial, path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') throw existing([path])
    throw error
  } finally {
    await file.close().catch(() => {})
    await rm(partial, { force: true })
  }
  await syncFolder(dir)
  return path
}

async function syncFolder(dir: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(dir, 'r')
  await folder.sync().finally(() => folder.close())
}

export function existing(files: readonly string[]): KeystoreError {
  return new KeystoreError(
    'KEYSTORE_EXISTS',
    `Key files exist already: ${files.join(', ')}. They are never overwritten; choose another folder, or move them away if you mean to retire these keys.`,
    { data: { files } },
  )
}

/**
 * Reads one key file without opening it; null when there is none.
 *
 * @throws KeystoreError `KEYSTORE_DAMAGED`
 */
export async function readKeystore(dir: string, role: KeyRole): Promise<KeystoreFile | null> {
  const file = keystorePath(dir, role)
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw damaged(file, error)
  }
  try {
    return keystoreSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw damaged(file, cause)
  }
}

function damaged(file: string, cause: unknown): KeystoreError {
  return new KeystoreError(
    'KEYSTORE_DAMAGED',
    `${file} can't be read as a Web3 Secret Storage (version 3) key file. Restore it from your backup.`,
    { data: { file }, cause },
  )
}

/**
 * Refuses key files that other accounts of the machine may read, and a folder in which they may exchange them.
 *
 * @throws KeystoreError `KEYSTORE_UNSAFE_MODE`
 */
export async function checkModes(dir: string, files: readonly string[]): Promise<void> {
  if (process.platform === 'win32') return
  const check = async (path: string, forbidden: number, remedy: string) => {
    const { mode } = await stat(path)
    if ((mode & forbidden) === 0) return
    const octal = (mode & 0o777).toString(8).padStart(4, '0')
    throw new KeystoreError(
      'KEYSTORE_UNSAFE_MODE',
      `${path} is open to other accounts (mode ${octal}). Run: chmod ${remedy} ${path}`,
      { data: { path, mode: octal } },
    )
  }
  await check(dir, 0o022, '700')
  for (const file of files) await check(file, 0o077, '600')
}
