import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, mkdir, mkdtemp, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { ServerAccount } from './embedded-account.ts'
import type { PostgresBinaries } from './embedded-binaries.ts'
import { PostgresError } from './errors.ts'

/** Superuser of the embedded cluster, and its database. */
export const embeddedRole = 'iyi'

/** How the server's programs are launched so that they can reach `dataDir`. */
export interface Launch {
  readonly account: ServerAccount | null
  /**
   * True where a folder above the data is closed to the account. The child then enters the data folder before it drops
   * root and names it `/proc/self/cwd`, so that nothing above has to be opened up for it.
   */
  readonly byWorkingFolder: boolean
}

export interface LaunchOptions {
  readonly cwd: string
  readonly dataArgument: string
  readonly identity: { uid?: number; gid?: number }
  readonly env: NodeJS.ProcessEnv
}

/** Spawn options and the `-D` argument for a program that works on `dataDir`. */
export function launchOptions(dataDir: string, launch: Launch): LaunchOptions {
  const { account } = launch
  return {
    cwd: dataDir,
    dataArgument: launch.byWorkingFolder ? '/proc/self/cwd' : dataDir,
    identity: account === null ? {} : { uid: account.uid, gid: account.gid },
    // Nothing of the node's environment (secrets, PG* settings) reaches the server. Messages stay in English: the
    // port check reads one.
    env: {
      PATH: process.env.PATH ?? '',
      LC_ALL: 'C',
      TZ: 'UTC',
      ...(process.env.SystemRoot === undefined ? {} : { SystemRoot: process.env.SystemRoot }),
    },
  }
}

/** Reads the cluster's password, making it on first use: 32 random bytes, file mode 0600, beside the data folder. */
export async function clusterPassword(dataDir: string): Promise<string> {
  const file = `${dataDir}.password`
  const known = await readFile(file, 'utf8').catch(() => null)
  if (known !== null && known.trim() !== '') return known.trim()
  const password = randomBytes(32).toString('base64url')
  const handle = await open(`${file}.tmp`, 'w', 0o600)
  try {
    await handle.writeFile(`${password}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(`${file}.tmp`, file)
  return password
}

/**
 * Makes the cluster if `dataDir` has none. It is made in a folder beside it and moved into place when it is whole, so
 * that a crash in between leaves nothing that looks like a database.
 *
 * @throws PostgresError `POSTGRES_DIR_FOREIGN` (another major version, or files that are no cluster), `POSTGRES_INIT_FAILED`
 */
export async function ensureCluster(
  dataDir: string,
  binaries: PostgresBinaries,
  launch: Launch,
): Promise<{ created: boolean; password: string }> {
  const major = binaries.version.split('.')[0] ?? ''
  const version = await readFile(join(dataDir, 'PG_VERSION'), 'utf8').catch(() => null)
  if (version !== null) {
    if (version.trim() === major) return { created: false, password: await clusterPassword(dataDir) }
    throw new PostgresError(
      'POSTGRES_DIR_FOREIGN',
      `${dataDir} holds a PostgreSQL ${version.trim()} database and this node brings ${major}. Dump it with the old version and restore it, or point the node at another folder.`,
      { data: { dataDir, found: version.trim(), expected: major } },
    )
  }
  if (await stat(dataDir).catch(() => null)) {
    throw new PostgresError(
      'POSTGRES_DIR_FOREIGN',
      `${dataDir} exists and is no PostgreSQL database. Move it away or choose another folder.`,
      { data: { dataDir, found: null, expected: major } },
    )
  }
  const password = await clusterPassword(dataDir)
  const partial = `${dataDir}.initializing`
  await rm(partial, { recursive: true, force: true })
  await mkdir(partial, { mode: 0o700 })
  const { account } = launch
  const secrets = await mkdtemp(join(tmpdir(), 'iyi-init-'))
  try {
    const passwordFile = join(secrets, 'password')
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
    if (account !== null) {
      for (const path of [partial, secrets, passwordFile]) await chown(path, account.uid, account.gid)
    }
    await runInitdb(partial, binaries, launch, passwordFile)
    await rename(partial, dataDir)
    const parent = await open(dirname(dataDir), 'r')
    await parent.sync().finally(() => parent.close())
  } finally {
    await rm(secrets, { recursive: true, force: true })
  }
  return { created: true, password }
}

async function runInitdb(
  dataDir: string,
  binaries: PostgresBinaries,
  launch: Launch,
  passwordFile: string,
): Promise<void> {
  const { cwd, dataArgument, identity, env } = launchOptions(dataDir, launch)
  // C collation: text sorts by bytes, the same on every machine and library version.
  const args = [
    ...['-D', dataArgument, '-U', embeddedRole, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'],
    ...['--encoding=UTF8', '--locale=C', '--no-instructions'],
  ]
  const child = spawn(binaries.initdb, args, { cwd, env, ...identity, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-4000)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const failure = await new Promise<unknown>((done) => {
    child.once('error', done)
    child.once('close', (code) => done(code === 0 ? null : { exitCode: code }))
  })
  if (failure !== null) {
    throw new PostgresError(
      'POSTGRES_INIT_FAILED',
      `PostgreSQL could not make a database in ${dataDir}. Check free disk space and the folder's permissions; its own words are in the data of this error.`,
      { data: { dataDir, output }, cause: failure },
    )
  }
}
