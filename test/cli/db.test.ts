import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { IndexBuild } from '../../node/ports/index-builds.ts'
import { cliWorld } from './cli-world.ts'

let directory: string
let config: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'iyi-cli-db-'))
  config = join(directory, 'iyi.yaml')
  writeFileSync(config, 'chains:\n  - { id: 1, name: one, rpc: [http://127.0.0.1:1] }\n')
})
afterAll(() => rmSync(directory, { recursive: true }))

const build: IndexBuild = {
  schema: 'iyi_index_0123456789ab',
  state: 'live',
  progress: 1,
  secondsLeft: null,
  createdAt: 0,
  liveAt: 1,
  note: null,
}

it('db builds prints a line a build, with how far the new one is', async () => {
  const world = cliWorld({
    indexBuilds: async () => [
      { ...build, state: 'kept', note: 'until another took over' },
      build,
      { ...build, state: 'building', progress: 0.429, secondsLeft: 90 },
    ],
  })
  expect(await world.run('db', 'builds', '--config', config)).toBe(0)
  expect(world.out().trim().split('\n')).toEqual([
    'iyi_index_0123456789ab  kept  begun 1970-01-01T00:00:00.000Z  until another took over',
    'iyi_index_0123456789ab  live  begun 1970-01-01T00:00:00.000Z',
    'iyi_index_0123456789ab  building  begun 1970-01-01T00:00:00.000Z  42 % read  about 90 s left',
  ])
})

it('db rollback says what is read now, and how to take it back', async () => {
  const asked: (string | null)[] = []
  const world = cliWorld({
    rollBackIndex: async (_config, { to }) => {
      asked.push(to)
      return { from: 'iyi_index_b', to: to ?? 'iyi_index_a' }
    },
  })
  expect(await world.run('db', 'rollback', '--config', config)).toBe(0)
  expect(await world.run('db', 'rollback', '--config', config, '--to', 'iyi_index_b')).toBe(0)
  expect(asked).toEqual([null, 'iyi_index_b'])
  expect(world.out()).toBe('iyi_index_a is read now, instead of iyi_index_b\niyi_index_b is read now\n')
  expect(world.err()).toContain('iyi db rollback --to iyi_index_b')
})
