import { expect, test } from 'vitest'
import { memoryEventLog } from '../../fakes/event-log.ts'
import { HOME } from './kit.ts'
import { ORACLE } from './requests/kit.ts'
import { serveOracle } from './served.ts'

test('a plugin that can not start leaves nothing running', async () => {
  const events = memoryEventLog()
  const nothing = { names: ['feed.ReportTransmitted'], from: 'now', stage: 'confirmed' } as const
  await events.subscribe({ consumer: 'oracle.requests', ...nothing }, async () => {})
  const oracle = { id: 'questions', contract: { chainId: HOME, address: ORACLE } }
  await expect(serveOracle({ inference: [oracle] }, {}, {}, events)).rejects.toMatchObject({
    code: 'EVENTS_CONSUMER_BUSY',
  })
  // Who follows rounds was let go: another may.
  const rounds = await events.subscribe({ consumer: 'oracle.rounds', ...nothing }, async () => {})
  await rounds.close()
})
