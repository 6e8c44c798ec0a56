import { copyFile, mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { createKeystores } from '../../node/adapters/keystore/create.ts'
import { listKeystores } from '../../node/adapters/keystore/list.ts'
import type { Database } from '../../node/adapters/postgres/database.ts'
import { formatHistory, parseHistory } from '../../node/adapters/postgres/history-document.ts'
import { signingHistory } from '../../node/adapters/postgres/signing-history.ts'
import { exportSigningHistory } from '../../node/compose/signing-history.ts'
import { parseConfig } from '../../node/config/load.ts'
import { freePort, noMetrics, type TestPostgres, testPostgres } from '../adapters/postgres/support.ts'
import { countingKey, slot } from '../compliance/signing-slots.ts'
import { minimal } from '../config/config-cases.ts'
import { alive, processTree } from '../e2e/kit/processes.ts'
import { type Program, program, projectRoot } from '../e2e/kit/program.ts'
import { until } from '../e2e/kit/until.ts'

let dir = ''
let postgres: TestPostgres
const keys = { consensus: '', signer: '' }
const running: Program[] = []
const text = (value: string) => new TextEncoder().encode(value)

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'iyi-move-'))
  postgres = await testPostgres()
  await createKeystores({ dir: join(dir, 'keys'), password: 'long enough', scrypt: 'light' })
  for (const { role, identity } of await listKeystores({ dir: join(dir, 'keys') }))
    if (role === 'consensus' || role === 'signer') keys[role] = identity ?? ''
  await writeFile(join(dir, 'password'), 'long enough\n', { mode: 0o600 })
  await writeFile(
    join(dir, 'database-password'),
    `${decodeURIComponent(new URL(postgres.server.url).password)}\n`,
    { mode: 0o600 },
  )
}, 60_000)
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.destroy()))
})
afterAll(async () => {
  await postgres.dispose()
  await rm(dir, { recursive: true })
})

/** A validator with the keys of this file; its database is a schema of its own, or embedded. */
async function validator(name: string, over: object = {}): Promise<string> {
  const url = new URL(postgres.server.url)
  url.password = ''
  const path = join(dir, `${name}.yaml`)
  await writeFile(
    path,
    stringify({
      name,
      dataDir: `./${name}`,
      chains: [{ id: 1, name: 'nobody', rpc: ['http://127.0.0.1:1'] }],
      database: { mode: 'external', url: url.href, passwordFile: './database-password', schema: name },
      indexer: { mode: 'external' },
      keys: { dir: './keys', passwordFile: './password' },
      network: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      api: { port: await freePort() },
      admin: { port: await freePort() },
      ...over,
    }),
  )
  return path
}

function iyi(...args: string[]): Program {
  const started = program(process.execPath, [join(projectRoot, 'node', 'main.ts'), ...args])
  running.push(started)
  return started
}

async function run(...args: string[]) {
  const one = iyi(...args)
  const { code } = await one.ended(90_000)
  return { code, out: one.stdout(), err: one.stderr() }
}

const history = (verb: 'export' | 'import', config: string, ...rest: string[]) =>
  run('signing-history', verb, '--config', config, ...rest)

/** Signs as the validator on that database would. */
function guard(database: Database, role: keyof typeof keys = 'consensus') {
  return signingHistory({ database, metrics: noMetrics }).guard(countingKey(keys[role]))
}
const rowsOf = (database: Database) =>
  database.query('select * from signing_history order by key_id, purpose, scope')

async function nodeRuns(config: string): Promise<Program> {
  const node = iyi('start', '--config', config)
  await until('the node is up', () => node.stdout().includes('"node started"') || node.hasEnded(), {
    withinMs: 60_000,
    saw: () => node.stdout() + node.stderr(),
  })
  return node
}

// Their processes are looked up in /proc.
describe.runIf(process.platform === 'linux')('moving a validator', () => {
  test('ends the old node, and the new one refuses what the old one would', {
    timeout: 300_000,
  }, async () => {
    const old = await validator('old')
    const next = await validator('next')
    const database = await postgres.database('old')
    await guard(database).sign(slot(3n, 17n, 'commit'), text('agreed'))
    await guard(database, 'signer').sign(slot(17n, 0n, 'report'), text('report'))

    const node = await nodeRuns(old)
    const file = join(dir, 'old.json')
    const early = await history('export', old, '--retire', '--out', file)
    expect(early.code, early.err).toBe(75)
    expect(early.err).toMatch(/^error DATABASE_LOCKED: /m)
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' })
    node.signal('SIGTERM')
    await node.ended(40_000)

    const made = await history('export', old, '--retire', '--out', file)
    expect(made.code, made.err).toBe(0)
    expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600')
    expect(parseHistory(await readFile(file)).retired).toBe(true)

    const again = await run('start', '--config', old)
    expect(again.code, again.err).toBe(1)
    expect(again.err).toMatch(/^error SIGNING_HISTORY_RETIRED: /m)

    const taken = await history('import', next, file)
    expect(taken.code, taken.err).toBe(0)
    expect(taken.out).toContain(`${keys.consensus}: 1 added, 0 raised, 0 unchanged`)
    expect(taken.err).toBe('')
    const moved = await postgres.database('next')
    const signer = guard(moved)
    await expect(signer.sign(slot(3n, 17n, 'commit'), text('other'))).rejects.toMatchObject({
      code: 'SIGNER_SLOT_CONFLICT',
    })
    await expect(signer.sign(slot(3n, 16n, 'commit'), text('agreed'))).rejects.toMatchObject({
      code: 'SIGNER_SLOT_PASSED',
    })
    const started = await nodeRuns(next)
    expect(started.hasEnded(), started.stderr()).toBe(false)
    started.signal('SIGTERM')
    await started.ended(40_000)

    // Back again: the old file knows less than the new node signed, so it does not serve there any more.
    await signer.sign(slot(3n, 18n, 'commit'), text('later'))
    const stale = await history('import', next, file)
    expect(stale.code).toBe(1)
    expect(stale.err).toMatch(/^error SIGNING_HISTORY_WEAKER: .*here 3\/18, file 3\/17/m)
    const back = join(dir, 'back.json')
    expect((await history('export', next, '--retire', '--out', back)).code).toBe(0)
    expect((await history('import', old, back)).out).toContain('it may sign here again')
    await expect(guard(database).sign(slot(3n, 18n, 'commit'), text('other'))).rejects.toMatchObject({
      code: 'SIGNER_SLOT_CONFLICT',
    })
    const home = await nodeRuns(old)
    expect(home.hasEnded(), home.stderr()).toBe(false)
  })

  test('works with the embedded database, and leaves nothing running', { timeout: 240_000 }, async () => {
    const config = await validator('embedded', { database: { port: await freePort() } })
    const database = await postgres.database('elsewhere')
    await guard(database).sign(slot(1n, 2n), text('x'))
    const file = join(dir, 'elsewhere.json')
    expect((await history('export', await validator('elsewhere'), '--out', file)).code).toBe(0)

    const importing = iyi('signing-history', 'import', '--config', config, file)
    let tree: ReturnType<typeof processTree> = []
    await until(
      'the database runs',
      () => {
        tree = processTree(importing.pid)
        return tree.length > 2 || importing.hasEnded()
      },
      { withinMs: 60_000 },
    )
    expect((await importing.ended(60_000)).code, importing.stderr()).toBe(0)
    await until('nothing is left', () => alive(tree).length === 0, { withinMs: 2_000 })
    const same = await history('export', config)
    expect(same.code, same.err).toBe(0)
    // Standard output is the document and nothing else.
    expect(parseHistory(text(same.out)).keys).toEqual(parseHistory(await readFile(file)).keys)
  })
})

describe.runIf(process.platform === 'linux')('an import that is refused changes nothing', () => {
  test('files that are no history', { timeout: 240_000 }, async () => {
    const config = await validator('files')
    const file = join(dir, 'file.json')
    await writeFile(file, '')
    expect((await history('import', config, file)).err).toMatch(/^error SIGNING_HISTORY_BAD_FILE: /m)
    await truncate(file, 65 * 1024 * 1024)
    const huge = await history('import', config, file)
    expect(huge.code).toBe(1)
    expect(huge.err).toMatch(/^error SIGNING_HISTORY_BAD_FILE: /m)
    expect((await history('import', config, join(dir, 'absent.json'))).err).toMatch(
      /^error SIGNING_HISTORY_NO_FILE: /m,
    )
    // Nothing was opened, so not even the schema was made.
    const database = await postgres.database('other')
    expect(await database.query("select 1 from pg_namespace where nspname = 'files'")).toEqual([])
  })

  test('keys that the node does not hold, or no keys', { timeout: 240_000 }, async () => {
    const file = join(dir, 'foreign.json')
    const entry = {
      purpose: 'commit',
      scope: slot(0n, 0n).scope,
      position: ['1', '1'] as [string, string],
      payloadDigest: `0x${'ab'.repeat(32)}`,
    }
    const foreign = `0x${'c1'.repeat(32)}`
    await writeFile(
      file,
      formatHistory({
        createdAt: '2026-01-31T12:00:00.000Z',
        retired: true,
        keys: [
          { keyId: keys.consensus, entries: [entry] },
          { keyId: foreign, entries: [entry] },
        ],
      }),
    )
    const refused = await history('import', await validator('foreign'), file)
    expect(refused.code).toBe(1)
    expect(refused.err).toMatch(new RegExp(`^error SIGNING_HISTORY_FOREIGN_KEY: .*${foreign}`, 'm'))
    expect(await rowsOf(await postgres.database('foreign'))).toEqual([])

    await mkdir(join(dir, 'half'))
    await copyFile(join(dir, 'keys', 'consensus.json'), join(dir, 'half', 'consensus.json'))
    const half = await history('import', await validator('half', { keys: { dir: './half' } }), file)
    expect(half.err).toMatch(/^error SIGNING_HISTORY_NO_KEYS: /m)
    const empty = await history('export', await validator('foreign'), '--retire')
    expect([empty.code, empty.out]).toEqual([1, ''])
    expect(empty.err).toMatch(/^error SIGNING_HISTORY_EMPTY: /m)
  })

  test('a process killed in the middle of it', { timeout: 240_000 }, async () => {
    const config = await validator('killed')
    const database = await postgres.database('killed')
    const signer = guard(database)
    for (const purpose of ['a', 'z']) await signer.sign(slot(1n, 1n, purpose), text('x'))
    const before = await rowsOf(database)
    const file = join(dir, 'killed.json')
    await writeFile(
      file,
      formatHistory({
        createdAt: '2026-01-31T12:00:00.000Z',
        retired: true,
        keys: [
          {
            keyId: keys.consensus,
            entries: ['a', ...Array.from({ length: 2_000 }, (_, i) => `m${i}`), 'z'].map((purpose) => ({
              purpose,
              scope: slot(0n, 0n).scope,
              position: ['2', '2'],
              payloadDigest: `0x${'ab'.repeat(32)}`,
            })),
          },
        ],
      }),
    )
    const waiting = async () =>
      (
        await database.query(
          "select pid from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'killed'",
        )
      ).length
    // Another session holds the last row, so the import stands still with all the others written.
    await database.transaction(async (client) => {
      await client.query(`select 1 from signing_history where purpose = 'z' for update`)
      const importing = iyi('signing-history', 'import', '--config', config, file)
      await until('the import waits for the row', async () => (await waiting()) > 0, {
        withinMs: 60_000,
        saw: () => importing.stderr(),
      })
      await importing.destroy()
    })
    await until('its session has ended', async () => (await waiting()) === 0, { withinMs: 20_000 })
    expect(await rowsOf(database)).toEqual(before)
    await signer.sign(slot(1n, 2n, 'a'), text('y'))

    // The same file again, undisturbed.
    await database.query(`delete from signing_history where purpose = 'a'`)
    const taken = await history('import', config, file)
    expect(taken.out, taken.err).toContain('2001 added, 1 raised, 0 unchanged')
  })
})

test('a stop while the database is waited for ends the verb, and says that nothing was changed', async () => {
  // Takes connections and hangs up: a server that is about to be there.
  const asked = Promise.withResolvers<void>()
  const server = createServer((socket) => {
    socket.destroy()
    asked.resolve()
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const { config } = parseConfig({
    value: { ...minimal, database: { mode: 'external', url: `postgres://u@127.0.0.1:${port}/x` } },
    path: join(dir, 'iyi.yaml'),
  })
  const stopping = new AbortController()
  const exporting = exportSigningHistory(
    config,
    { retire: true },
    { signal: stopping.signal, stderr: { write: () => {} } },
  )
  const refused = expect(exporting).rejects.toMatchObject({ code: 'SIGNING_HISTORY_INTERRUPTED' })
  await asked.promise
  const began = performance.now()
  stopping.abort(new Error('stop'))
  await refused
  expect(performance.now() - began).toBeLessThan(5_000)
  server.close()
})
