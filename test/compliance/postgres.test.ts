import { afterAll, afterEach, beforeAll, describe, vi } from 'vitest'
import { systemClock } from '../../node/adapters/clock/system.ts'
import { agreementStore } from '../../node/adapters/postgres/agreement-store.ts'
import { eventLog } from '../../node/adapters/postgres/event-log.ts'
import { quorumStore } from '../../node/adapters/postgres/quorum-store.ts'
import { signingHistory } from '../../node/adapters/postgres/signing-history.ts'
import { pluginStore } from '../../node/adapters/postgres/store.ts'
import { chain, eventRow } from '../adapters/postgres/chain-events.ts'
import { noMetrics, recordingLog, type TestPostgres, testPostgres } from '../adapters/postgres/support.ts'
import { memoryAgreements } from '../fakes/agreement-store.ts'
import { memoryEventLog } from '../fakes/event-log.ts'
import { memorySigningHistory } from '../fakes/guarded-signer.ts'
import { memoryIndex } from '../fakes/index-reader.ts'
import { memoryQuorumStore } from '../fakes/quorum-store.ts'
import { memoryStore } from '../fakes/store.ts'
import { agreementStoreCompliance } from './agreement-store.ts'
import { eventLogCompliance } from './event-log.ts'
import { guardedSignerCompliance } from './guarded-signer.ts'
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
  describe('in memory', () =>
    eventLogCompliance(async () => {
      const log = memoryEventLog()
      let block = 0n
      return {
        log,
        emit: async (...names) => {
          for (const name of names) {
            const { id: _, ...event } = eventRow({ block: ++block, logIndex: 0 }, name)
            log.emit(event)
          }
        },
      }
    }))
  describe('PostgreSQL', () =>
    eventLogCompliance(async () => {
      const index = memoryIndex()
      const chains = { chains: () => [chain(1, 2)] }
      const modules = { index, chains, clock: systemClock, log: recordingLog(), metrics: noMetrics }
      const log = eventLog({ pollMs: 5 }, { ...modules, database: await freshDatabase() })
      await log.start()
      endings.push(() => log.stop())
      let block = 0n
      return {
        log,
        emit: async (...names) => {
          for (const name of names) index.add('event', eventRow({ block: ++block, logIndex: 0 }, name))
          index.setHead(1, block + 2n)
        },
      }
    }))
})
