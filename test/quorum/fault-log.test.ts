import { expect, it } from 'vitest'
import { FaultLog } from '../../node/quorum/fault-log.ts'
import { instruments } from '../../node/quorum/instruments.ts'
import { ParticipationLog } from '../../node/quorum/participation.ts'
import { recordingLogger, recordingMetrics, virtualClock } from '../fakes/host-modules.ts'

it('logs each fault under its own code, whatever the facts of it are called', () => {
  const log = recordingLogger()
  const participation = new ParticipationLog(4, { onObserved() {}, onVoted() {} })
  const faults = new FaultLog(participation, {
    ...{ clock: virtualClock(), log },
    instruments: instruments(recordingMetrics(), 'test/duty'),
  })
  faults.add({ code: 'bad-message', oracle: 2, data: { code: 'QUORUM_CODEC_TRAILING', oracle: 'x' } })
  expect(log.lines).toMatchObject([{ fields: { code: 'bad-message', oracle: 2 } }])
})
