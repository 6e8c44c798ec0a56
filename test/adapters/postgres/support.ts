import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database, openDatabase } from '../../../node/adapters/postgres/database.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../node/adapters/postgres/embedded.ts'
import type { Logger } from '../../../node/ports/log.ts'
import type { Metrics } from '../../../node/ports/metrics.ts'
import type { ProcessGuard } from '../../../node/ports/process.ts'

export const noGuard: ProcessGuard = { watch: () => {}, release: () => {} }

export const noMetrics: Metrics = {
  counter: () => ({ inc: () => {} }),
  gauge: () => ({ set: () => {} }),
  histogram: () => ({ observe: () => {} }),
}

export interface RecordedLog extends Logger {
  readonly lines: { level: string; fields: object; message: string }[]
}

/** A logger that keeps what it was given. */
export function recordingLog(lines: RecordedLog['lines'] = []): RecordedLog {
  const at = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields, message })
  }
  return {
    lines,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => recordingLog(lines),
  }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  await new Promise<void>((done) => server.close(() => done()))
  if (address === null || typeof address === 'string') throw new TypeError('no TCP address')
  return address.port
}

/** A server of the test file's own, in a folder of its own. */
export interface TestPostgres {
  readonly dir: string
  readonly dataDir: string
  readonly port: number
  server: EmbeddedPostgres
  /** Starts again on the same folder and port. */
  restart(): Promise<void>
  database(schema: string, poolSize?: number): Promise<Database>
  dispose(): Promise<void>
}

export async function testPostgres(): Promise<TestPostgres> {
  const dir = await mkdtemp(join(tmpdir(), 'iyi-postgres-'))
  const dataDir = join(dir, 'data')
  const port = await freePort()
  const open: Database[] = []
  const start = () => startEmbeddedPostgres({ dataDir, port }, { guard: noGuard, log: recordingLog() })
  const self: TestPostgres = {
    dir,
    dataDir,
    port,
    server: await start(),
    restart: async () => {
      self.server = await start()
    },
    database: async (schema, poolSize = 8) => {
      const database = await openDatabase(
        { url: self.server.url, schema, applicationName: 'test', poolSize },
        { log: recordingLog(), metrics: noMetrics },
      )
      open.push(database)
      return database
    },
    dispose: async () => {
      await Promise.all(open.map((database) => database.close()))
      await self.server.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
  return self
}

/** Waits for `condition`, up to a deadline. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new TypeError('the condition did not come true in time')
    await new Promise((done) => setTimeout(done, 10))
  }
}
