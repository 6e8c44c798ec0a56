import { mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import type { Logger } from '../../ports/log.ts'
import type { ProcessGuard } from '../../ports/process.ts'
import { firstClosedFolder, serverAccount } from './embedded-account.ts'
import { copyBinaries, hydrateEmbeddedPostgres, type PostgresBinaries } from './embedded-binaries.ts'
import { embeddedRole, ensureCluster, type Launch } from './embedded-cluster.ts'
import { liveServer } from './embedded-lockfile.ts'
import { endServer, launchServer, type Server, startFailure } from './embedded-server.ts'
import { PostgresError } from './errors.ts'

export interface EmbeddedPostgresOptions {
  /** Folder of the cluster; made on first use. The password lies beside it in `<dataDir>.password`, mode 0600. */
  readonly dataDir: string
  /** TCP port on 127.0.0.1. */
  readonly port: number
  /** 30,000 when absent. Crash recovery of a large log is part of it. */
  readonly startupTimeoutMs?: number
}

export interface EmbeddedPostgres {
  /** Connection string, password included: never log it. */
  readonly url: string
  readonly pid: number
  /** Settles when the server ended, for whatever reason. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  /** Fast shutdown: open transactions are rolled back, everything committed is on disk. */
  stop(): Promise<void>
}

/**
 * Starts the PostgreSQL that npm installed, on loopback only, with its data under the node's folder. Takes over after
 * a crash (stale lock file, log replay) and refuses a folder that another live server uses. As root it runs the server
 * as the account `postgres`.
 *
 * @throws PostgresError `POSTGRES_PORT_TAKEN` (data.port), `POSTGRES_DIR_IN_USE` (data.pid), `POSTGRES_DIR_FOREIGN`,
 *   `POSTGRES_START_TIMEOUT`, and the other `POSTGRES_*` codes
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
  { guard, log }: { guard: ProcessGuard; log: Logger },
): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir)
  const { port, startupTimeoutMs = 30_000 } = options
  const deadline = performance.now() + startupTimeoutMs
  await mkdir(dirname(dataDir), { recursive: true, mode: 0o755 })
  const { binaries, launch } = await prepare(dataDir)
  const { created, password } = await ensureCluster(dataDir, binaries, launch)
  if (created) log.info({ dataDir, version: binaries.version }, 'Create the database cluster')
  await waitForPredecessor(dataDir)

  const url = `postgres://${embeddedRole}:${password}@127.0.0.1:${port}/${embeddedRole}`
  for (;;) {
    const server = launchServer({ dataDir, port }, { binaries, launch, log })
    const { pid } = server.child
    if (pid !== undefined) guard.watch(pid)
    const release = server.exited.finally(() => {
      if (pid !== undefined) guard.release(pid)
    })
    try {
      if (pid === undefined) {
        await server.exited
        throw startFailure(server.output(), { dataDir, port })
      }
      await waitForAnswer({ url, port, dataDir, deadline, startupTimeoutMs }, server)
      log.info({ port, pid, dataDir }, 'Embedded PostgreSQL is up')
      return {
        url,
        pid,
        exited: server.exited,
        stop: async () => {
          await endServer(server)
          await release
        },
      }
    } catch (error) {
      await endServer(server)
      await release
      // After a kill -9 of the server alone its backends take a moment to notice; until then it refuses to start.
      const orphans = server.output().includes('pre-existing shared memory block')
      if (!orphans || performance.now() > deadline) throw error
      await delay(200)
    }
  }
}

async function prepare(dataDir: string): Promise<{ binaries: PostgresBinaries; launch: Launch }> {
  const binaries = await hydrateEmbeddedPostgres()
  const account = await serverAccount()
  if (account === null) return { binaries, launch: { account, byWorkingFolder: false } }
  const reachable = (await firstClosedFolder(dirname(binaries.postgres), account)) === null
  const closed = await firstClosedFolder(dirname(dataDir), account)
  if (closed !== null && process.platform !== 'linux') {
    throw new PostgresError(
      'POSTGRES_DIR_UNREACHABLE',
      `The account that PostgreSQL runs as can't enter ${closed}. Put the node's data elsewhere, or run the node as another user than root.`,
      { data: { dataDir, closed } },
    )
  }
  return {
    binaries: reachable ? binaries : await copyBinaries(binaries),
    launch: { account, byWorkingFolder: closed !== null },
  }
}

/** A predecessor that is just shutting down gets five seconds; one that stays is a rival. */
async function waitForPredecessor(dataDir: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    const pid = await liveServer(dataDir)
    if (pid === null) return
    if (tries === 50) {
      throw new PostgresError(
        'POSTGRES_DIR_IN_USE',
        `Another PostgreSQL (pid ${pid}) runs on ${dataDir}. Stop the node that owns it, or use another folder.`,
        { data: { dataDir, pid } },
      )
    }
    await delay(100)
  }
}

async function waitForAnswer(
  at: { url: string; port: number; dataDir: string; deadline: number; startupTimeoutMs: number },
  server: Server,
): Promise<void> {
  const { dataDir, port } = at
  let ended = false
  void server.exited.then(() => {
    ended = true
  })
  for (;;) {
    if (ended) throw startFailure(server.output(), { dataDir, port })
    // The server's own word first: on a taken port somebody else would answer (and be shown the password's proof).
    if (server.output().includes('database system is ready to accept connections')) {
      await ensureDatabase(at.url)
      return
    }
    if (performance.now() > at.deadline) {
      throw new PostgresError(
        'POSTGRES_START_TIMEOUT',
        `PostgreSQL did not get ready within ${at.startupTimeoutMs} ms. A long recovery needs a longer limit; its own words are in the data of this error.`,
        { data: { dataDir, port, output: server.output() }, retry: true },
      )
    }
    await Promise.race([delay(20), server.exited])
  }
}

async function ensureDatabase(url: string): Promise<void> {
  const admin = new URL(url)
  admin.pathname = '/postgres'
  const client = new pg.Client({ connectionString: admin.href, connectionTimeoutMillis: 10_000 })
  await client.connect()
  try {
    const found = await client.query('select 1 from pg_database where datname = $1', [embeddedRole])
    if (found.rowCount === 0) await client.query(`create database ${embeddedRole}`)
  } finally {
    await client.end()
  }
}
