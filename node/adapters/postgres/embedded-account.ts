import { execFile } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { promisify } from 'node:util'
import { PostgresError } from './errors.ts'

const run = promisify(execFile)
const accountName = 'postgres'

/** The operating system account that the server runs as. */
export interface ServerAccount {
  readonly uid: number
  readonly gid: number
}

async function lookUp(): Promise<ServerAccount | null> {
  const lines = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n')
  const fields = lines.find((line) => line.startsWith(`${accountName}:`))?.split(':')
  return fields === undefined ? null : { uid: Number(fields[2]), gid: Number(fields[3]) }
}

/**
 * PostgreSQL refuses to run as root. When the node is root, this gives the account `postgres`, making it if need be;
 * otherwise null: the server runs as the node does.
 *
 * @throws PostgresError `POSTGRES_NO_ACCOUNT`
 */
export async function serverAccount(): Promise<ServerAccount | null> {
  if (process.getuid?.() !== 0) return null
  const found = await lookUp()
  if (found !== null) return found
  let cause: unknown
  try {
    await run('useradd', [
      '--system',
      '--user-group',
      '--no-create-home',
      '--shell',
      '/bin/false',
      accountName,
    ])
  } catch (error) {
    cause = error
  }
  const made = await lookUp()
  if (made !== null) return made
  throw new PostgresError(
    'POSTGRES_NO_ACCOUNT',
    `PostgreSQL can't run as root and the account "${accountName}" could not be made. Run the node as another user, or make that account.`,
    { data: { account: accountName }, cause },
  )
}

/** The nearest folder above `path` (itself included) that `account` can't enter; null when it can enter all. */
export async function firstClosedFolder(path: string, account: ServerAccount): Promise<string | null> {
  const chain: string[] = []
  for (let at = resolve(path); ; at = dirname(at)) {
    chain.unshift(at)
    if (dirname(at) === at) break
  }
  for (const folder of chain) {
    const info = await stat(folder)
    const bit = info.uid === account.uid ? 0o100 : info.gid === account.gid ? 0o010 : 0o001
    if ((info.mode & bit) === 0) return folder
  }
  return null
}
