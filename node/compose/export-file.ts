import { randomBytes } from 'node:crypto'
import { link, lstat, open, rename, rm } from 'node:fs/promises'
import { ExportError } from '../export/errors.ts'
import type { ByteSink } from '../ports/export.ts'

/**
 * Writes a file under another name beside its place and moves it there when it is whole and on disk. What is there already
 * stays unless `force`, and always where it is no regular file; after a failure nothing is left. Rejects with ExportError
 * `EXPORT_EXISTS`, `EXPORT_NOT_A_FILE`, `EXPORT_UNWRITABLE`.
 */
export async function writeExport<T>(
  path: string,
  { force }: { readonly force: boolean },
  work: (sink: ByteSink) => Promise<T>,
): Promise<T> {
  if ((await isThere(path)) && !force) throw taken(path)
  const partial = `${path}.${randomBytes(6).toString('hex')}.partial`
  const file = await open(partial, 'wx').catch((cause: unknown) => {
    throw unwritable(path, cause)
  })
  try {
    try {
      const result = await work(async (bytes) => {
        await file.writeFile(bytes).catch((cause: unknown) => {
          throw unwritable(path, cause)
        })
      })
      await file.sync()
      await file.close()
      await move(partial, path, force)
      return result
    } finally {
      await file.close().catch(() => {})
    }
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
}

/** Unlike a rename, a link takes no name that somebody else made meanwhile. */
async function move(partial: string, path: string, force: boolean): Promise<void> {
  if (!force) {
    try {
      await link(partial, path)
      await rm(partial)
      return
    } catch (cause) {
      if (codeOf(cause) === 'EEXIST') throw taken(path)
      // A file system without links.
      if (await isThere(path)) throw taken(path)
    }
  } else await isThere(path)
  await rename(partial, path).catch((cause: unknown) => {
    throw unwritable(path, cause)
  })
}

/** Whether there is a file. A rename would put one in place of a device, a pipe or a link: what is no file is refused. */
async function isThere(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => null)
  if (found === null) return false
  if (found.isFile()) return true
  throw new ExportError(
    'EXPORT_NOT_A_FILE',
    `${path} is no regular file (a folder, link, pipe or device): give the name of a file, or - for standard output. It is as it was.`,
    { data: { path } },
  )
}

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : '')

function taken(path: string): ExportError {
  return new ExportError(
    'EXPORT_EXISTS',
    `${path} exists already: give another name, or --force. It is as it was.`,
    {
      data: { path },
    },
  )
}

export function unwritable(path: string, cause: unknown): ExportError {
  return new ExportError(
    'EXPORT_UNWRITABLE',
    `${path} can't be written (${codeOf(cause) || String(cause)}): give another place. Nothing is left of it.`,
    { data: { path }, cause },
  )
}
