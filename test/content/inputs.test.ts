import { hexToBytes, sha256 } from 'viem'
import { expect, it, vi } from 'vitest'
import { systemClock } from '../../node/adapters/clock/system.ts'
import { requestDuty } from '../../plugins/oracle/requests/request-duty.ts'
import { requestInputs } from '../../plugins/oracle/requests/request-inputs.ts'
import { memoryChain } from '../fakes/chain-reader.ts'
import { memoryTrust } from '../fakes/chain-trust.ts'
import { recordingLogger } from '../fakes/host-modules.ts'
import { memoryIndex } from '../fakes/index-reader.ts'
import { scriptedInference } from '../fakes/inference.ts'
import { HOME } from '../plugins/oracle/kit.ts'
import {
  abstains,
  askable,
  gave,
  INPUT,
  inferenceConfig,
  MODEL,
  requestContext,
  requestRow,
} from '../plugins/oracle/requests/kit.ts'
import { connected, type Member, member } from './kit.ts'

vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

const bytes = hexToBytes(INPUT)

/** A validator whose index has one request that names its input by hash; inputs come over real connections. */
function validator({ contents }: Member) {
  const chain = memoryChain([{ id: HOME, confirmations: 2 }])
  const index = memoryIndex()
  const inference = scriptedInference(MODEL)
  inference.set(askable)
  inference.answer([42n])
  chain.grow(HOME, 20)
  index.setHead(HOME, 19n)
  index.add('inferenceRequest', requestRow(1, { input: '0x', inputLength: bytes.length }))
  const inputs = requestInputs(
    { keepMs: 600_000, keepAnsweredMs: 86_400_000 },
    { contents, clock: systemClock },
  )
  return requestDuty(inferenceConfig(), {
    ...{ chain, index, inference, inputs, trust: memoryTrust(chain) },
    ...{ clock: systemClock, log: recordingLogger() },
  })
}

it('an input delivered to one validator reaches a leader without it, and every follower', async () => {
  const taken = await member(0)
  const leading = await member(1, { peers: [taken] })
  const following = await member(2, { peers: [taken, leading] })
  await connected(following, 2)
  const leader = validator(leading)
  // Nobody has delivered it: no round is about it.
  expect(await leader.query(requestContext(), null)).toBeNull()
  await taken.contents.put(bytes, { keepMs: 60_000 })
  const query = await vi.waitFor(
    async () => {
      const found = await leader.query(requestContext(), null)
      if (found === null) throw new Error('nothing to do yet')
      return found
    },
    { timeout: 10_000, interval: 50 },
  )
  expect(query.items).toMatchObject([{ requestId: 1n, inputHash: sha256(INPUT) }])
  // The one that took it goes away: a leader gives what it fetched, too.
  await taken.transport.stop()
  expect(await validator(following).observe(requestContext(), query, null)).toEqual({
    results: [gave(42)],
    rulings: [],
  })
  expect(following.contents.held()).toEqual([sha256(INPUT).slice(2)])

  const alone = await member(3)
  expect(await validator(alone).observe(requestContext(), query, null)).toEqual({
    results: [abstains('unavailable')],
    rulings: [],
  })
})
