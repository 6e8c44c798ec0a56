import { join } from 'node:path'
import { startEmbeddedPostgres } from '../adapters/postgres/embedded.ts'
import { readPasswordFile } from '../config/password.ts'
import type { NodeConfig } from '../config/schema.ts'
import { IyiError } from '../ports/errors.ts'
import type { Logger } from '../ports/log.ts'
import type { ProcessGuard } from '../ports/process.ts'
import type { Teardown } from './teardown.ts'

/**
 * Where the node's database is, password included; starts the embedded server where that is asked for. Rejects with
 * `ConfigError` `CONFIG_NO_PASSWORD`, or `PostgresError`.
 */
export async function databaseUrl(
  config: NodeConfig,
  modules: { guard: ProcessGuard; log: Logger; teardown: Teardown; onEnd: (error: unknown) => void },
): Promise<string> {
  const { mode, url, port, passwordFile } = config.database
  if (mode === 'external' && url !== undefined) {
    const complete = new URL(url)
    // A password in the address can only come from the environment, which wins over the file everywhere.
    if (passwordFile === undefined || complete.password !== '') return url
    complete.password = encodeURIComponent(readPasswordFile(passwordFile))
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
