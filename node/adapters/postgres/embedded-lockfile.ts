import { readFile, readlink, realpath, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Whether `pid` is a PostgreSQL server on `dataDir`; null where the platform has no /proc to tell. */
async function serves(pid: number, dataDir: string): Promise<boolean | null> {
  if (process.platform !== 'linux') return null
  const program = await readlink(`/proc/${pid}/exe`).catch(() => null)
  const name = program ?? (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => null))
  if (name === null) return null
  if (!basename(name.trim()).startsWith('postgres')) return false
  // A server works inside its data folder; one that works in another is not a rival, it has an old pid of ours.
  const folder = await readlink(`/proc/${pid}/cwd`).catch(() => null)
  return folder === null ? null : folder === (await realpath(dataDir))
}

/**
 * The pid of a live server on `dataDir`, by its `postmaster.pid`; null when there is none. After a crash the file stays
 * behind, and its pid may since belong to a program that has nothing to do with PostgreSQL, which the server itself
 * can't tell from a rival: such a file is removed. A file with a dead pid is left to the server, which also checks
 * that no orphaned backend still uses the shared memory named in it.
 */
export async function liveServer(dataDir: string): Promise<number | null> {
  const file = join(dataDir, 'postmaster.pid')
  const text = await readFile(file, 'utf8').catch(() => null)
  if (text === null) return null
  const pid = Number.parseInt(text.split('\n')[0] ?? '', 10)
  if (!Number.isInteger(pid) || pid <= 0) {
    // Torn write: the crash came before the file had its first line.
    if (text.trim() === '') await rm(file, { force: true })
    return null
  }
  if (!isAlive(pid)) return null
  if ((await serves(pid, dataDir)) === false) {
    await rm(file, { force: true })
    return null
  }
  return pid
}
