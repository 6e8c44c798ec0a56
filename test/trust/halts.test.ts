import { expect, it } from 'vitest'
import { chainHalts } from '../../node/trust/halts.ts'
import { recordingLogger, recordingMetrics, virtualClock } from '../fakes/host-modules.ts'

it('keeps the moment of a halt, says each reason once, and forgets it when its cause is gone', () => {
  const clock = virtualClock()
  const log = recordingLogger()
  const metrics = recordingMetrics()
  const halts = chainHalts({ clock, log, metrics })
  clock.advance(5)
  halts.raise({ chainId: 1, cause: 'disagreement', reason: 'a' })
  clock.advance(5)
  halts.raise({ chainId: 1, cause: 'disagreement', reason: 'a' })
  halts.raise({ chainId: 1, cause: 'disagreement', reason: 'b' })
  halts.raise({ chainId: 1, cause: 'deep-reorg', reason: 'c' })
  expect(halts.list()).toEqual([
    { chainId: 1, cause: 'disagreement', reason: 'b', since: 5 },
    { chainId: 1, cause: 'deep-reorg', reason: 'c', since: 10 },
  ])
  expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(3)
  halts.clear(1, 'disagreement')
  halts.clear(1, 'disagreement')
  expect(halts.list().map(({ cause }) => cause)).toEqual(['deep-reorg'])
  expect(log.lines.filter(({ level }) => level === 'info')).toHaveLength(1)
  expect([...metrics.gauges].filter(([, value]) => value === 1)).toHaveLength(1)
})
