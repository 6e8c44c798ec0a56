import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { createKeystores } from '../../node/adapters/keystore/create.ts'
import { freePort, type TestPostgres, testPostgres } from '../adapters/postgres/support.ts'
import { alive, type Process, processTree } from '../e2e/kit/processes.ts'
import { program, projectRoot } from '../e2e/kit/program.ts'
import { until } from '../e2e/kit/until.ts'

let dir = ''
let postgres: TestPostgres
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'iyi-uncaught-'))
  postgres = await testPostgres()
  await createKeystores({ dir: join(dir, 'keys'), password: 'long enough', scrypt: 'light' })
  await writeFile(join(dir, 'password'), 'long enough\n', { mode: 0o600 })
  await writeFile(
    join(dir, 'database-password'),
    `${decodeURIComponent(new URL(postgres.server.url).password)}\n`,
    { mode: 0o600 },
  )
}, 60_000)
afterAll(async () => {
  await postgres.dispose()
  await rm(dir, { recursive: true })
})

/** A plugin that does `body` a moment after the node started. */
const plugin = (body: string) => `
export default {
  provides: { id: 'clumsy' }, version: '1.0.0', summary: 'Fails later', needs: [], requires: {},
  config: { safeParse: (data) => ({ success: true, data }) },
  load: async () => ({ setup: () => ({ api: {}, async start() { setTimeout(() => { ${body} }, 1_500) } }) }),
}`

async function start(name: string, use: string) {
  const url = new URL(postgres.server.url)
  url.password = ''
  const path = join(dir, `${name}.yaml`)
  await writeFile(
    path,
    stringify({
      name,
      dataDir: `./${name}`,
      chains: [{ id: 1, name: 'nobody', rpc: ['http://127.0.0.1:1'] }],
      database: {
        mode: 'external',
        url: url.href,
        passwordFile: './database-password',
        schema: name,
      },
      indexer: { mode: 'external' },
      keys: { dir: './keys', passwordFile: './password' },
      network: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      api: { port: await freePort() },
      admin: { port: await freePort() },
      log: { format: 'json' },
      plugins: [{ use }],
    }),
  )
  return program(process.execPath, [join(projectRoot, 'node', 'main.ts'), 'start', '--config', path])
}

describe.runIf(process.platform === 'linux')('what nobody caught', () => {
  test.each([
    ['an exception in a timer', 'throws', "throw new Error('gave up on https://me:hunter2@rpc.example')"],
    ['a rejection', 'rejects', "Promise.reject(new Error('gave up on https://me:hunter2@rpc.example'))"],
    [
      'one after another',
      'floods',
      "setInterval(() => { throw new Error('https://me:hunter2@rpc.example') }, 1)",
    ],
  ])('%s ends the node cleanly, and is told without secrets', { timeout: 60_000 }, async (_, name, body) => {
    await writeFile(join(dir, `${name}.mjs`), plugin(body))
    const node = await start(name, `./${name}.mjs`)
    let tree: Process[] = []
    try {
      await until('the node is up', () => node.stdout().includes('"node started"') || node.hasEnded(), {
        withinMs: 30_000,
        saw: () => node.stdout() + node.stderr(),
      })
      tree = processTree(node.pid)
      const { code } = await node.ended(25_000)
      const [out, err] = [node.stdout(), node.stderr()]
      expect(code, err).toBe(1)
      expect(err).toMatch(/^error UNEXPECTED: .*\[redacted\]@/m)
      expect(err).toContain(`${name}.mjs`)
      expect(err.split('\n').length).toBeLessThan(200)
      expect(out + err).not.toContain('hunter2')
      expect(out.indexOf('"node stopping"')).toBeGreaterThan(0)
      expect(out.indexOf('"node stopped"')).toBeGreaterThan(out.indexOf('"node stopping"'))
      await until('nothing is left', () => alive(tree).length === 0, { withinMs: 2_000 })
    } finally {
      await node.destroy()
    }
  })

  test('a start that was refused says so, and not that it stopped', { timeout: 30_000 }, async () => {
    const node = await start('refused', './nowhere')
    try {
      expect((await node.ended(20_000)).code).toBe(1)
      expect(node.stderr()).toMatch(/^error KERNEL_PLUGIN_NOT_FOUND: /)
      expect(node.stdout()).toBe('')
    } finally {
      await node.destroy()
    }
  })
})
