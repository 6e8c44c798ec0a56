import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import pg from 'pg'
import { buildFolder } from '../../node/adapters/ponder/build-folder.ts'
import { killGroup, spawnPonder } from '../../node/adapters/ponder/child.ts'
import type { IndexerConfig } from '../../node/adapters/ponder/indexer-config.ts'
import type { Logger } from '../../node/ports/log.ts'
import { freePort, testPool, until } from '../../test/adapters/ponder/fixture.ts'
import { PROJECT_ROOT } from '../artifacts.ts'

/** The same chains indexed once more, from their first block, by a Ponder that saw nothing of the storm. */
export interface CleanIndex {
  readonly pool: pg.Pool
  readonly schema: string
  stop(): Promise<void>
}

const SCHEMA = 'clean'

/** Starts it on a new database of the server and resolves once it follows live blocks. */
export async function cleanIndex(
  { config, server, name, dir }: { config: IndexerConfig; server: string; name: string; dir: string },
  { log }: { log: Logger },
): Promise<CleanIndex> {
  const databaseUrl = await newDatabase(server, name)
  const folder = buildFolder({
    ...{ dir: join(dir, 'clean'), schema: SCHEMA, ours: SCHEMA, root: join(PROJECT_ROOT, 'indexer'), config },
  })
  if (folder === null) throw new TypeError('the program of the clean index is not there')
  const child = spawnPonder(
    { ...folder, databaseUrl, schema: SCHEMA, port: await freePort() },
    { log, clean: (value) => value, seen: () => {} },
  )
  const pool = testPool({ connectionString: databaseUrl, max: 2 })
  const stop = async () => {
    await ended(child)
    await pool.end()
    await dropDatabase(server, name)
  }
  try {
    await until('the clean index is ready', 300_000, async () => {
      if (child.exitCode !== null) throw new TypeError(`the clean indexer ended with ${child.exitCode}`)
      const { rows } = await pool
        .query<{ ready: string }>(`select value->>'is_ready' as ready from "${SCHEMA}"."_ponder_meta"`)
        .catch(() => ({ rows: [] }))
      return rows[0]?.ready === '1'
    })
    return { pool, schema: SCHEMA, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  killGroup(child)
  await exit
}

/** A new, empty database of the server; resolves with its address. */
export async function newDatabase(server: string, name: string): Promise<string> {
  await asAdmin(server, `create database "${name}"`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

export function dropDatabase(server: string, name: string): Promise<void> {
  return asAdmin(server, `drop database if exists "${name}" with (force)`)
}

async function asAdmin(server: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
