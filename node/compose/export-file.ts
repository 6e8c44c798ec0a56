import { access, link, open, rename, rm } from 'node:fs/promises'
import { ExportError } from '../export/errors.ts'
import type { ByteSink } from '../ports/export.ts'

/**
 * Writes a file under another name beside its place and moves it there when it is whole and on disk. What is there already
 * stays unless `force`; after a failure nothing is left. Rejects with ExportError `EXPORT_EXISTS`, `EXPORT_UNWRITABLE`.
 */
export async function writeExport<T>(
  path: string,
  { force }: { readonly force: boolean },
  work: (sink: ByteSink) => Promise<T>,
): Promise<T> {
  if (!force && (await exists(path))) throw taken(path)
  const partial = `${path}.${process.pid}.partial`
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
      if (await exists(path)) throw taken(path)
    }
  }
  await rename(partial, path).catch((cause: unknown) => {
    throw unwritable(path, cause)
  })
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )

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
