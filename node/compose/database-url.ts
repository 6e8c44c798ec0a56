import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../adapters/postgres/embedded.ts'
import { ConfigError } from '../config/errors.ts'
import type { NodeConfig } from '../config/schema.ts'
import { IyiError } from '../ports/errors.ts'
import type { Logger } from '../ports/log.ts'
import type { ProcessGuard } from '../ports/process.ts'
import type { Teardown } from './teardown.ts'

/** Where the node's database is, password included; starts the embedded server where that is asked for. */
export async function databaseUrl(
  config: NodeConfig,
  modules: { guard: ProcessGuard; log: Logger; teardown: Teardown; onEnd: (error: unknown) => void },
): Promise<string> {
  const { mode, url, port, passwordFile } = config.database
  if (mode === 'external' && url !== undefined) {
    if (passwordFile === undefined) return url
    const complete = new URL(url)
    complete.password = encodeURIComponent(readPassword(passwordFile))
    return complete.href
  }
  const { guard, log, teardown } = modules
  const server = await startEmbeddedPostgres(
    { dataDir: join(config.dataDir, 'postgres'), port },
    { guard, log },
  )
  let stopping = false
  teardown.add('embedded PostgreSQL', () => {
    stopping = true
    return server.stop()
  })
  void server.exited.then(({ code, signal }) => {
    if (!stopping)
      modules.onEnd(
        new IyiError('NODE_DATABASE_ENDED', 'the embedded PostgreSQL ended: start the node again', {
          data: { code, signal },
          retry: true,
        }),
      )
  })
  return server.url
}

function readPassword(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (cause) {
    throw new ConfigError(
      'CONFIG_NO_PASSWORD',
      `the database password file ${path} can't be read: check that it is there`,
      {
        path,
        cause,
      },
    )
  }
}
