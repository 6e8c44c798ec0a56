import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { pinoLogger } from '../../node/adapters/pino/pino-logger.ts'
import { databaseUrl } from '../../node/compose/database-url.ts'
import { Teardown } from '../../node/compose/teardown.ts'
import { parseConfig } from '../../node/config/load.ts'
import { minimal } from '../config/config-cases.ts'

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'iyi-url-'))
})
afterEach(() => rm(dir, { recursive: true }))

const urlOf = (url: string, env: Record<string, string> = {}) =>
  databaseUrl(
    parseConfig({
      value: { ...minimal, database: { mode: 'external', url, passwordFile: 'db.password' } },
      path: join(dir, 'iyi.yaml'),
      env,
    }).config,
    {
      guard: { watch: () => {}, release: () => {} },
      log: pinoLogger({ level: 'silent', format: 'json' }),
      teardown: new Teardown(),
      onEnd: () => {},
    },
  )

test('the first line of the password file goes into the address, encoded', async () => {
  await writeFile(join(dir, 'db.password'), 'p@ss/ word \nnot this\n')
  const url = new URL(await urlOf('postgres://u@db.example:5432/x'))
  expect(decodeURIComponent(url.password)).toBe('p@ss/ word ')
})

test('a password in DATABASE_URL wins over the file, as the environment does everywhere', async () => {
  await writeFile(join(dir, 'db.password'), 'from the file\n')
  const url = await urlOf('postgres://u@db.example/x', { DATABASE_URL: 'postgres://u:env@db.example/x' })
  expect(new URL(url).password).toBe('env')
})

test('a file that is missing or empty is a clear error', async () => {
  await expect(urlOf('postgres://u@db.example/x')).rejects.toMatchObject({ code: 'CONFIG_NO_PASSWORD' })
  await writeFile(join(dir, 'db.password'), '\n')
  await expect(urlOf('postgres://u@db.example/x')).rejects.toMatchObject({ code: 'CONFIG_NO_PASSWORD' })
})
