import { hexToBytes, sha256 } from 'viem'
import { expect, it, onTestFinished, vi } from 'vitest'
import { systemClock } from '../../node/adapters/clock/system.ts'
import { inputWatch } from '../../plugins/oracle/requests/input-watch.ts'
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
  ORACLE,
  requestContext,
  requestRow,
} from '../plugins/oracle/requests/kit.ts'
import { bytesFor, connected, type Member, member, temporary } from './kit.ts'

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

/** A node over one folder, which looks after the input of a request that its index has; `end` ends it. */
async function watching(dir: string, options: Parameters<typeof member>[1] = {}) {
  const node = await member(0, { ...options, dir })
  const index = memoryIndex()
  const inference = scriptedInference(MODEL)
  inference.set(askable)
  const deadline = BigInt(Math.floor(Date.now() / 1_000) + 60)
  index.add('inferenceRequest', requestRow(1, { input: '0x', inputLength: bytes.length, deadline }))
  const inputs = requestInputs(
    { keepMs: 600_000, keepAnsweredMs: 86_400_000 },
    { contents: node.contents, clock: systemClock },
  )
  const watch = inputWatch([{ chainId: HOME, address: ORACLE }], {
    ...{ index, inference, inputs, log: recordingLogger() },
    clock: { ...systemClock, setTimer: (ms, fire) => systemClock.setTimer(ms / 100, fire) },
  })
  await watch.start()
  onTestFinished(() => watch.stop())
  const end = async () => {
    await watch.stop()
    await node.contents.stop()
    await node.transport.stop()
  }
  return { node, end }
}

const hash = sha256(INPUT).slice(2)

it('what a request needs is asked for again after a restart, and comes once somebody has it', async () => {
  const dir = await temporary()
  const before = await watching(dir)
  await before.end()
  expect(before.node.contents.held()).toEqual([])
  const giving = await member(1)
  const after = await watching(dir, { peers: [giving] })
  await connected(after.node, 1)
  await giving.contents.put(bytes, { keepMs: 60_000 })
  await vi.waitFor(() => expect(after.node.contents.held()).toEqual([hash]), {
    timeout: 20_000,
    interval: 50,
  })
})

it('what a request needs is not given up for others after a restart', async () => {
  const dir = await temporary()
  // Room for four: each takes 4 KiB at least.
  const room = { maxBytes: 4 * 4_096 }
  const before = await member(0, { ...room, dir })
  await before.contents.put(bytes, { keepMs: 60_000 })
  await before.contents.stop()
  await before.transport.stop()
  const { node } = await watching(dir, room)
  for (let i = 0; i < 6; i++) await node.contents.put(bytesFor(`${i}`, 100), { keepMs: 3_600_000 })
  expect(node.contents.held()).toHaveLength(4)
  expect(node.contents.held()).toContain(hash)
})
