import { execFile, spawn } from 'node:child_process'
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect, promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openDatabase } from '../../../node/adapters/postgres/database.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../node/adapters/postgres/embedded.ts'
import { copyBinaries, hydrateEmbeddedPostgres } from '../../../node/adapters/postgres/embedded-binaries.ts'
import type { ProcessGuard } from '../../../node/ports/process.ts'
import { freePort, noGuard, noMetrics, recordingLog } from './support.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let root: string
let dataDir: string
const log = recordingLog()
const running: EmbeddedPostgres[] = []

async function start(options: { dataDir?: string; port?: number; guard?: ProcessGuard } = {}) {
  const port = options.port ?? (await freePort())
  const server = await startEmbeddedPostgres(
    { dataDir: options.dataDir ?? dataDir, port, startupTimeoutMs: 30_000 },
    { guard: options.guard ?? noGuard, log },
  )
  running.push(server)
  return { server, port }
}

async function query(url: string, sql: string) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'iyi-embedded-'))
  // Open above: the plain case. The closed case has a test of its own.
  await chmod(root, 0o755)
  dataDir = join(root, 'node', 'postgres')
})
afterAll(async () => {
  await Promise.all(running.map((server) => server.stop()))
  await rm(root, { recursive: true, force: true })
})

describe('embedded PostgreSQL', () => {
  it('warns of nothing when it is stopped, whoever is still connected', async () => {
    const { server } = await start({ dataDir: join(root, 'stopped', 'postgres') })
    const other = new pg.Client({ connectionString: server.url })
    const cut = new Promise((resolve) => other.on('error', resolve))
    await other.connect()
    const database = await openDatabase(
      { url: server.url, schema: 'iyi', applicationName: 'test' },
      { log, metrics: noMetrics },
    )
    const busy = database.query('select pg_sleep(30)').catch(() => {})
    const before = log.lines.length
    void database.close()
    await server.stop()
    await Promise.all([cut, busy])
    expect(log.lines.slice(before).filter(({ level }) => level !== 'debug')).toEqual([])
    await expect.poll(() => JSON.stringify(log.lines.slice(before))).toContain('terminating connection')
  })

  it('starts on an empty folder, tells the guard, and ends on stop', async () => {
    const calls: string[] = []
    const guard = {
      watch: (pid: number) => calls.push(`+${pid}`),
      release: (pid: number) => calls.push(`-${pid}`),
    }
    const { server, port } = await start({ guard })
    const [row] = await query(
      server.url,
      `select current_database() as db, current_user as role, version() as version`,
    )
    expect(row).toMatchObject({ db: 'iyi', role: 'iyi', version: expect.stringContaining('PostgreSQL 18') })
    expect(new URL(server.url).host).toBe(`127.0.0.1:${port}`)
    await server.stop()
    await server.stop()
    expect(calls).toEqual([`+${server.pid}`, `-${server.pid}`])
    expect(isAlive(server.pid)).toBe(false)
  })

  it('commits to disk, listens on loopback alone, and wants the password', async () => {
    const { server, port } = await start()
    for (const [setting, value] of [
      ['synchronous_commit', 'on'],
      ['fsync', 'on'],
      ['full_page_writes', 'on'],
      ['listen_addresses', '127.0.0.1'],
      ['unix_socket_directories', ''],
      ['max_connections', '200'],
      ['data_checksums', 'on'],
      ['server_encoding', 'UTF8'],
    ]) {
      expect(await query(server.url, `show ${setting}`)).toEqual([{ [setting ?? '']: value }])
    }
    await expect(query(`postgres://iyi:guess@127.0.0.1:${port}/iyi`, 'select 1')).rejects.toMatchObject({
      code: '28P01',
    })
    await server.stop()
  })

  it('keeps its password in a file for the owner alone, and out of the log', async () => {
    const file = `${dataDir}.password`
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const password = (await readFile(file, 'utf8')).trim()
    expect(password.length).toBeGreaterThanOrEqual(40)
    expect(log.lines.length).toBeGreaterThan(0)
    expect(inspect(log.lines, { depth: null })).not.toContain(password)
  })

  it('comes back after kill -9 with what was committed', async () => {
    const { server, port } = await start()
    await query(server.url, 'create table kept (x int)')
    await query(server.url, 'insert into kept values (42)')
    process.kill(server.pid, 'SIGKILL')
    expect(await server.exited).toMatchObject({ signal: 'SIGKILL' })
    const again = await start({ port })
    expect(await query(again.server.url, 'select x from kept')).toEqual([{ x: 42 }])
    await again.server.stop()
  })

  it('comes back when the stale lock file names a process that is something else by now', async () => {
    const file = join(dataDir, 'postmaster.pid')
    const other = await start({ dataDir: join(root, 'other') })
    for (const content of [`${process.pid}\n${dataDir}\n`, `${other.server.pid}\n${dataDir}\n`, '']) {
      await writeFile(file, content)
      const { server } = await start()
      expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
      await server.stop()
    }
    await other.server.stop()
  })

  it('refuses a folder that a live server uses, and leaves that server alone', async () => {
    const { server } = await start()
    await expect(start()).rejects.toMatchObject({ code: 'POSTGRES_DIR_IN_USE', data: { pid: server.pid } })
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
    await server.stop()
  })

  it('waits for a predecessor that is just ending', async () => {
    const { server } = await start()
    const [, next] = await Promise.all([server.stop(), start()])
    expect(await query(next.server.url, 'select 1 as one')).toEqual([{ one: 1 }])
    await next.server.stop()
  })

  it('names the port when it is taken', async () => {
    const blocker = createServer()
    await new Promise<void>((done) => blocker.listen(0, '127.0.0.1', done))
    const address = blocker.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await expect(start({ port })).rejects.toMatchObject({ code: 'POSTGRES_PORT_TAKEN', data: { port } })
    await new Promise((done) => blocker.close(done))
    const { server } = await start({ port })
    await server.stop()
  })

  it('refuses a folder of something else, or of another version', async () => {
    const foreign = join(root, 'foreign')
    await mkdir(foreign)
    await expect(start({ dataDir: foreign })).rejects.toMatchObject({ code: 'POSTGRES_DIR_FOREIGN' })
    await writeFile(join(foreign, 'PG_VERSION'), '15\n')
    await expect(start({ dataDir: foreign })).rejects.toMatchObject({
      code: 'POSTGRES_DIR_FOREIGN',
      data: { found: '15', expected: '18' },
    })
  })

  it('begins anew when the first start died half-way', async () => {
    const dir = join(root, 'half')
    await mkdir(`${dir}.initializing`)
    await writeFile(join(`${dir}.initializing`, 'PG_VERSION'), '18\n')
    const { server } = await start({ dataDir: dir })
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
    await server.stop()
    await expect(stat(`${dir}.initializing`)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('works below a folder that is closed to other accounts, which stays closed', async () => {
    const closed = join(root, 'closed')
    await mkdir(closed, { mode: 0o700 })
    const { server } = await start({ dataDir: join(closed, 'postgres') })
    await query(server.url, 'create table t as select generate_series(1, 10000) as x')
    await query(server.url, 'checkpoint')
    await server.stop()
    expect((await stat(closed)).mode & 0o777).toBe(0o700)
    // The same cluster, reached by its path: nothing in it depends on how it was made.
    await rename(join(closed, 'postgres'), join(root, 'moved'))
    await rename(join(closed, 'postgres.password'), join(root, 'moved.password'))
    const moved = await start({ dataDir: join(root, 'moved') })
    expect(await query(moved.server.url, 'select count(*)::int as n from t')).toEqual([{ n: 10_000 }])
    await moved.server.stop()
  })

  it('runs from a copy of its programs, for a node that lies in a closed folder', async () => {
    const copied = await copyBinaries(await hydrateEmbeddedPostgres(), join(root, 'lib'))
    expect(await copyBinaries(await hydrateEmbeddedPostgres(), join(root, 'lib'))).toEqual(copied)
    const { stdout } = await promisify(execFile)(copied.postgres, ['--version'], { env: {} })
    expect(stdout).toContain('PostgreSQL) 18')
    expect(await readdir(join(root, 'lib'))).toHaveLength(1)
  })

  it.runIf(process.platform !== 'win32')(
    'does not run programs from a folder that others may write to, or that leads elsewhere',
    async () => {
      const binaries = await hydrateEmbeddedPostgres()
      const open = join(root, 'open')
      await mkdir(open)
      await chmod(open, 0o777)
      const link = join(root, 'link')
      await mkdir(join(root, 'target'))
      await symlink(join(root, 'target'), link)
      for (const folder of [open, link]) {
        await expect(copyBinaries(binaries, folder)).rejects.toMatchObject({
          code: 'POSTGRES_DIR_FOREIGN',
          data: { folder },
        })
        expect(await readdir(folder)).toEqual([])
      }
    },
  )

  it('leaves this process its signals and its exit', async () => {
    const listeners = () => process.eventNames().map((name) => [name, process.listenerCount(name)])
    const before = listeners()
    const { server } = await start()
    expect(listeners()).toEqual(before)
    await server.stop()
  })

  it('does not end with a Ctrl-C in the terminal: it lives in a process group of its own', async () => {
    const { server } = await start()
    const group = spawn('ps', ['-o', 'pgid=', '-p', String(server.pid)])
    const text = await new Promise<string>((done) =>
      group.stdout.once('data', (chunk) => done(String(chunk))),
    )
    expect(Number(text)).toBe(server.pid)
    await server.stop()
  })
})
