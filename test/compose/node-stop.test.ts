import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createKeystores } from '../../node/adapters/keystore/create.ts'
import { runNode } from '../../node/compose/node.ts'
import { parseConfig } from '../../node/config/load.ts'
import { minimal } from '../config/config-cases.ts'

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'iyi-stop-'))
})
afterEach(() => rm(dir, { recursive: true }))

const password = 'long enough'
const load = (database: object) =>
  parseConfig({
    value: { ...minimal, database, keys: { dir: 'keys' }, log: { level: 'error' } },
    path: join(dir, 'iyi.yaml'),
  })

test('a stop while the database is waited for does not wait for it', async () => {
  await createKeystores({ dir: join(dir, 'keys'), password, scrypt: 'light' })
  // Takes connections and hangs up: a server that is about to be there.
  const asked = Promise.withResolvers<void>()
  const server = createServer((socket) => {
    socket.destroy()
    asked.resolve()
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const { config, source } = load({ mode: 'external', url: `postgres://u@127.0.0.1:${port}/x` })
  const stopping = new AbortController()
  const running = runNode(
    config,
    { source, env: {}, keysPassword: async () => password },
    { signal: stopping.signal },
  )
  await asked.promise
  const began = performance.now()
  stopping.abort(new Error('stop'))
  await running
  expect(performance.now() - began).toBeLessThan(5_000)
  server.close()
}, 60_000)

test('a stop while a password is asked for ends the wait', async () => {
  const { config, source } = load({ mode: 'external', url: 'postgres://u@127.0.0.1:1/x' })
  const stopping = new AbortController()
  await runNode(
    config,
    {
      source,
      env: {},
      keysPassword() {
        stopping.abort(new Error('stop'))
        return new Promise(() => {})
      },
    },
    { signal: stopping.signal },
  )
})
