import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { embeddedRole } from './embedded-cluster.ts'
import { liveServer } from './embedded-lockfile.ts'

/** Connection string, password included, of the server that runs on `dataDir` already; null when none does. */
export async function runningEmbeddedUrl(options: { readonly dataDir: string }): Promise<string | null> {
  const dataDir = resolve(options.dataDir)
  if ((await liveServer(dataDir)) === null) return null
  // The fourth line is the port (PostgreSQL's pidfile.h).
  const port = await readFile(join(dataDir, 'postmaster.pid'), 'utf8').then(
    (text) => Number.parseInt(text.split('\n')[3] ?? '', 10),
    () => Number.NaN,
  )
  const password = await readFile(`${dataDir}.password`, 'utf8').catch(() => null)
  if (!Number.isInteger(port) || password === null) return null
  return `postgres://${embeddedRole}:${password.trim()}@127.0.0.1:${port}/${embeddedRole}`
}
