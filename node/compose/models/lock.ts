import { open, readFile, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { ModelError } from './errors.ts'

/** Paths of locks that are in the hands of this process. */
const ours = new Set<string>()

/**
 * Does `work` while no other process does its own at the same lock file. One whose owner has died is taken over. Rejects
 * with `ModelError` `MODEL_LOCKED`, or with what `work` rejects with.
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const key = resolve(path)
  if (ours.has(key)) throw locked(path)
  ours.add(key)
  try {
    if (!(await take(path)) && !((await abandoned(path)) && (await take(path)))) throw locked(path)
    try {
      return await work()
    } finally {
      await rm(path, { force: true })
    }
  } finally {
    ours.delete(key)
  }
}

const locked = (path: string) =>
  new ModelError(
    'MODEL_LOCKED',
    `Another command is changing the node's models (${path}). Try again when it has ended; if none runs, remove that file.`,
  )

async function take(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx')
    await file.writeFile(String(process.pid))
    await file.close()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Removes the lock of a process that is no more. One with our id is an earlier one's: ids repeat, in containers above all. */
async function abandoned(path: string): Promise<boolean> {
  const pid = Number(await readFile(path, 'utf8').catch(() => ''))
  if (!Number.isSafeInteger(pid) || pid <= 0 || (pid !== process.pid && isAlive(pid))) return false
  await rm(path, { force: true })
  return true
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
