import { stat } from 'node:fs/promises'

/** Another text when a file was written, exchanged, or came or went. */
export async function stampOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => null)
  return found === null ? 'none' : `${found.ino} ${found.size} ${found.mtimeMs}`
}
