import { open, rm } from 'node:fs/promises'
import { CliError } from './errors.ts'

/**
 * Writes a file that is not there yet, readable by its owner alone, on disk when it resolves. The name is taken before
 * `make` does anything, and given back when that fails. Rejects with `CliError` `CLI_FILE_EXISTS`, `CLI_FILE_UNWRITABLE`.
 */
export async function writeNewFile(path: string, make: () => Promise<string>): Promise<void> {
  const file = await open(path, 'wx', 0o600).catch((cause: unknown) => {
    const exists = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
    throw exists
      ? new CliError('CLI_FILE_EXISTS', `${path} exists already: give another name; nothing was done`, {
          path,
        })
      : unwritable(path, 'nothing was done', cause)
  })
  let written = false
  try {
    const text = await make()
    try {
      await file.writeFile(text)
      await file.sync()
    } catch (cause) {
      throw unwritable(path, 'run it again with another place', cause)
    }
    written = true
  } finally {
    await file.close()
    if (!written) await rm(path, { force: true })
  }
}

function unwritable(path: string, remedy: string, cause: unknown): CliError {
  const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : ''
  return new CliError('CLI_FILE_UNWRITABLE', `${path} can't be written${code}: ${remedy}`, { path }, cause)
}
