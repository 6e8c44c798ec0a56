// The whole project through its public doors: the command line, HTTP, the contracts. One network, started once, goes
// through everything that may happen to it; so the order matters, and a later part finds what an earlier one left.
import { afterAll, beforeAll, describe } from 'vitest'
import { fleet } from './kit/fleet.ts'
import { busyMarket } from './kit/market.ts'
import { network, START_MS } from './kit/network.ts'
import type { Program } from './kit/program.ts'
import { adversaries } from './scenarios/adversaries.ts'
import { agreement, conviction } from './scenarios/agreement.ts'
import { byzantine } from './scenarios/byzantine.ts'
import { crashAndReturn } from './scenarios/crash.ts'
import { disputes } from './scenarios/disputes.ts'
import { ends } from './scenarios/end.ts'
import { evidenceVerifies } from './scenarios/evidence.ts'
import { feedsAdvance } from './scenarios/feeds.ts'
import { hostile } from './scenarios/hostile.ts'
import { httpDoors } from './scenarios/http-doors.ts'
import { ownModel } from './scenarios/own-model.ts'
import { ownNode } from './scenarios/own-node.ts'
import { partition } from './scenarios/partition.ts'
import { examplePlugin } from './scenarios/plugin.ts'
import { besideALiar, killedInMidRequest, questions } from './scenarios/questions.ts'
import { refusals } from './scenarios/refusals.ts'
import { comesUp } from './scenarios/start.ts'
import { streamDelivers } from './scenarios/stream.ts'
import { vectorFeed } from './scenarios/vector-feed.ts'

const net = await network()
const validators = fleet(net)

beforeAll(async () => {
  await net.start()
  await validators.wireUp()
  const stop = busyMarket(net)
  net.onDispose(async () => stop())
}, START_MS + 10_000)
afterAll(() => net.dispose(), 60_000)

describe('devnet', { timeout: 240_000 }, () => {
  describe('comes up', () => comesUp(net))
  describe('feeds', () => feedsAdvance(net))
  describe('a feed of several numbers', () => vectorFeed(net))
  describe('questions of contracts', () => questions(net))
  describe('disputes', () => disputes(net))
  describe('a model of one’s own', () => ownModel(net))
  describe('evidence', () => evidenceVerifies(net))
  describe('event stream', () => streamDelivers(net))
  describe('HTTP', () => httpDoors(net))
  describe('refuses to start', () => refusals(net))
  describe('strangers and accidents', () => hostile(net))

  const fourth = {} as { node: Program }
  describe('a validator that dies', () => crashAndReturn(net, (node) => Object.assign(fourth, { node })))
  describe('the example plugin', () => examplePlugin(net, fourth))
  describe('a validator that lies', () => byzantine(net, fourth))

  describe('an adversary', () => {
    beforeAll(() => validators.adopt(3, fourth.node))
    adversaries(net, validators, [['equivocating'], ['forging'], ['withholding'], ['lying']])
    besideALiar(net, validators)
    conviction(net, validators)
  })
  describe('a death in the middle of a question', () => killedInMidRequest(net, validators))
  describe('a partition', () => partition(net, validators))
  describe('agreement', () => agreement(net, validators))

  describe('a node of its own', () => ownNode(net))
  describe('the end', () => {
    beforeAll(() => validators.unwire())
    ends(net)
  })
})
