import { afterAll, afterEach, beforeAll, describe, vi } from 'vitest'
import { systemClock } from '../../node/adapters/clock/system.ts'
import { agreementStore } from '../../node/adapters/postgres/agreement-store.ts'
import { replayEvents, retryDeadLetters } from '../../node/adapters/postgres/event-admin.ts'
import { eventLog } from '../../node/adapters/postgres/event-log.ts'
import { quorumStore } from '../../node/adapters/postgres/quorum-store.ts'
import { signingHistory } from '../../node/adapters/postgres/signing-history.ts'
import { pluginStore } from '../../node/adapters/postgres/store.ts'
import { chainHalts } from '../../node/trust/halts.ts'
import { chain } from '../adapters/postgres/chain-events.ts'
import { chainWorld } from '../adapters/postgres/chain-world.ts'
import { noMetrics, recordingLog, type TestPostgres, testPostgres } from '../adapters/postgres/support.ts'
import { memoryAgreements } from '../fakes/agreement-store.ts'
import { memorySigningHistory } from '../fakes/guarded-signer.ts'
import { memoryQuorumStore } from '../fakes/quorum-store.ts'
import { memoryStore } from '../fakes/store.ts'
import { agreementStoreCompliance } from './agreement-store.ts'
import { eventLogCompliance } from './event-log.ts'
import { guardedSignerCompliance } from './guarded-signer.ts'
import { memoryEventLogSubject } from './memory-event-log.ts'
import { quorumStoreCompliance } from './quorum-store.ts'
import { storeCompliance } from './store.ts'

vi.setConfig({ testTimeout: 30_000 })

let postgres: TestPostgres
let schemas = 0
const freshDatabase = () => postgres.database(`compliance_${++schemas}`, 4)
const endings: (() => Promise<void>)[] = []

beforeAll(async () => {
  postgres = await testPostgres()
}, 60_000)
afterEach(async () => {
  await Promise.all(endings.splice(0).map((end) => end()))
})
afterAll(() => postgres.dispose())

describe('Store', () => {
  describe('in memory', () => storeCompliance(async () => memoryStore()))
  describe('PostgreSQL', () =>
    storeCompliance(async () => pluginStore({ plugin: 'my-plugin' }, { database: await freshDatabase() })))
})

describe('QuorumStore', () => {
  describe('in memory', () => quorumStoreCompliance(async () => memoryQuorumStore()))
  describe('PostgreSQL', () =>
    quorumStoreCompliance(async () => quorumStore({ database: await freshDatabase() })))
})

describe('AgreementStore', () => {
  describe('in memory', () => agreementStoreCompliance(async () => memoryAgreements()))
  describe('PostgreSQL', () =>
    agreementStoreCompliance(async () => agreementStore({ database: await freshDatabase() })))
})

describe('GuardedSigner', () => {
  describe('in memory', () => guardedSignerCompliance(async () => memorySigningHistory()))
  describe('PostgreSQL', () =>
    guardedSignerCompliance(async () =>
      signingHistory({ database: await freshDatabase(), metrics: noMetrics }),
    ))
})

describe('EventLog', () => {
  describe('in memory', () => eventLogCompliance(async () => memoryEventLogSubject()))
  describe('PostgreSQL', () =>
    eventLogCompliance(async () => {
      const world = chainWorld([chain(1, 2), chain(2, 2)])
      const database = await freshDatabase()
      const { index, chains } = world
      const modules = { index, chains, clock: systemClock, log: recordingLog(), metrics: noMetrics }
      const log = eventLog(
        { pollMs: 5, requestPollMs: 5, attempts: 4 },
        { ...modules, halts: chainHalts(modules), database },
      )
      await log.start()
      endings.push(() => log.stop())
      const confirm = async () => {
        world.mine(1)
        world.mine(1)
      }
      return {
        log,
        emit: async (...names) => {
          for (const name of names) world.mine(1, name)
          await confirm()
        },
        mine: async (names, chainId = 1) => void world.mine(chainId, ...names),
        confirm,
        finalize: async () => world.finalize(1),
        drop: async (depth) => world.reorg(1, depth, []),
        retry: async (consumer) => void (await retryDeadLetters(database, { consumer, ids: null })),
        replay: async (consumer, fromBlock) =>
          void (await replayEvents(database, { consumer, chainId: 1, fromBlock })),
      }
    }))
})
