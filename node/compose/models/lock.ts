import { open, readFile, rm } from 'node:fs/promises'
import { ModelError } from './errors.ts'

/**
 * Does `work` while no other process does its own at the same lock file. One whose owner has died is taken over. Rejects
 * with `ModelError` `MODEL_LOCKED`, or with what `work` rejects with.
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  if (!(await take(path)) && !((await abandoned(path)) && (await take(path))))
    throw new ModelError(
      'MODEL_LOCKED',
      `Another command is changing the node's models (${path}). Try again when it has ended; if none runs, remove that file.`,
    )
  try {
    return await work()
  } finally {
    await rm(path, { force: true })
  }
}

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

/** Removes the lock of a process that is no more. */
async function abandoned(path: string): Promise<boolean> {
  const pid = Number(await readFile(path, 'utf8').catch(() => ''))
  if (!Number.isSafeInteger(pid) || pid <= 0 || isAlive(pid)) return false
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
