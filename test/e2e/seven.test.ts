// The same promise with seven validators, two of which may do anything.
import { afterAll, beforeAll, describe } from 'vitest'
import { fleet } from './kit/fleet.ts'
import { busyMarket } from './kit/market.ts'
import { network, START_SEVEN_MS } from './kit/network.ts'
import { adversaries } from './scenarios/adversaries.ts'
import { agreement } from './scenarios/agreement.ts'
import { evidenceVerifies } from './scenarios/evidence.ts'
import { fAreKilled } from './scenarios/killed.ts'
import { partition } from './scenarios/partition.ts'

const net = await network({ validators: 7 })
const validators = fleet(net)

beforeAll(async () => {
  await net.start()
  await validators.wireUp()
  const stop = busyMarket(net)
  net.onDispose(async () => stop())
}, START_SEVEN_MS + 10_000)
afterAll(() => net.dispose(), 60_000)

describe('seven validators', { timeout: 300_000 }, () => {
  describe('evidence', () => evidenceVerifies(net))
  describe('f of them', () => fAreKilled(net, validators))
  // Before one of them floods: the others shut it out for a while then, whatever build it runs next.
  describe('a partition', () => partition(net, validators))
  describe('f adversaries', () =>
    adversaries(net, validators, [
      ['silent', 'lying'],
      ['flooding', 'replaying'],
    ]))
  describe('agreement', () => agreement(net, validators))
})
