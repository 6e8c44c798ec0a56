import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { quorumStore } from '../../node/adapters/postgres/quorum-store.ts'
import { type TestPostgres, testPostgres, until } from '../adapters/postgres/support.ts'
import { type Following, following, heardOnce } from './following.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let postgres: TestPostgres
let node: Following
beforeAll(async () => {
  postgres = await testPostgres()
  node = await following(postgres.server.url)
})
afterAll(async () => {
  await node?.stop()
  await postgres?.dispose()
})

it.each([
  ['is stopped and started', () => postgres.server.stop()],
  [
    'is killed and started',
    async () => {
      process.kill(postgres.server.pid, 'SIGKILL')
      await postgres.server.exited
    },
  ],
])('a database that %s loses no event and no vote, and is told of', async (_, end) => {
  const { world, events, fold, database } = node
  const store = quorumStore({ database })
  const instance = `0x${'0a'.repeat(32)}` as const
  const marker = Uint8Array.from([fold.heard.length])
  await store.save(instance, { pacemaker: marker })
  world.mine(1, 'a')
  await until(() => heardOnce(node))

  await end()
  world.mine(1, 'a', 'a')
  await until(() => events.health().status === 'degraded' && database.health().status !== 'ok')
  // Nobody is told that something was kept which was not.
  await expect(store.save(instance, { committed: marker })).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
    retry: true,
  })
  const heard = fold.heard.length
  world.reorg(1, 1, ['a'], ['a'])
  expect(fold.heard).toHaveLength(heard)

  await postgres.restart()
  await until(() => heardOnce(node))
  await until(() => events.health().status === 'ok' && database.health().status === 'ok')
  await store.save(instance, { certificate: marker })
  expect(await store.load(instance)).toMatchObject({ pacemaker: marker, certificate: marker })
})
