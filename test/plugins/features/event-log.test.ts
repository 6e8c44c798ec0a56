import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { eventLog } from '../../../node/adapters/postgres/event-log.ts'
import type { Transfer } from '../../../node/features/transfer.ts'
import { FEATURES } from '../../../node/features/transfer-features.ts'
import { TransferStream } from '../../../node/features/transfer-stream.ts'
import { chainHalts } from '../../../node/trust/halts.ts'
import { chain } from '../../adapters/postgres/chain-events.ts'
import { chainWorld } from '../../adapters/postgres/chain-world.ts'
import {
  noMetrics,
  recordingLog,
  type TestPostgres,
  testPostgres,
  until,
} from '../../adapters/postgres/support.ts'
import { address, CHAIN, featureWorld, type TransferBody } from './kit.ts'

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await testPostgres()
})
afterAll(() => postgres.dispose())

const EVENT = 'custom.coin.Transfer'
const TOKEN = `0x${'ab'.repeat(20)}` as const

/** Each block has other addresses and amounts, by its number; its timestamp is its number. */
const parts = (block: bigint) => ({
  from: address(Number(block % 3n)),
  to: address(Number(block % 4n)),
  value: block * 1_000n,
})

test('features follow the real event log over reorganisations and restarts', async () => {
  const world = await featureWorld(postgres)
  const chains = chainWorld([chain(CHAIN, 2)], (_, block) => {
    const { from, to, value } = parts(block)
    return { from, to, value: value.toString() }
  })
  const startLog = async () => {
    const modules = { clock: systemClock, log: recordingLog(), metrics: noMetrics }
    const log = eventLog(
      { pollMs: 5, requestPollMs: 5 },
      {
        ...modules,
        index: chains.index,
        chains: chains.chains,
        halts: chainHalts(modules),
        database: world.database,
      },
    )
    await log.start()
    let ended: Promise<void> | undefined
    const end = () => {
      ended ??= log.stop()
      return ended
    }
    onTestFinished(end)
    return { log, end }
  }
  const onChain = () => chains.events(CHAIN).map((line) => BigInt(line.slice(0, line.indexOf('/'))))
  const expected = () => {
    const stream = new TransferStream()
    const seen = new Map<bigint, number>()
    return onChain().map((block) => {
      const logIndex = seen.get(block) ?? 0
      seen.set(block, logIndex + 1)
      const transfer: Transfer = { block, timestamp: Number(block), logIndex, token: TOKEN, ...parts(block) }
      return [...stream.push(transfer)]
    })
  }
  type Served = Awaited<ReturnType<typeof world.run>>
  const served = async ({ get }: Served) => {
    const { status, body } = await get<readonly TransferBody[]>(
      `/v1/features/tokens/${CHAIN}/${TOKEN}/transfers?limit=100`,
    )
    if (status !== 200) return []
    return body.data.map(({ features }) => FEATURES.map((name) => features.values[name])).toReversed()
  }
  const agrees = (running: Served) =>
    until(async () => JSON.stringify(await served(running)) === JSON.stringify(expected()), 20_000)

  const first = await startLog()
  const running = await world.run({ tokens: [{ contract: 'coin' }] }, { events: first.log })
  for (let i = 0; i < 8; i++) chains.mine(CHAIN, EVENT, EVENT)
  await agrees(running)
  // Another branch: fewer transfers in one block, none in the next.
  chains.reorg(CHAIN, 3, [EVENT], [], [EVENT, EVENT, EVENT], [EVENT])
  await agrees(running)
  chains.reorg(CHAIN, 2, [], [])
  await agrees(running)

  await running.end()
  await first.end()
  // While nobody looks: more transfers, and a branch that is gone.
  chains.reorg(CHAIN, 1, [EVENT], [EVENT])
  chains.mine(CHAIN, EVENT)
  const second = await startLog()
  const again = await world.run({ tokens: [{ contract: 'coin' }] }, { events: second.log })
  await agrees(again)
  expect(await served(again)).toEqual(expected())
  expect(onChain().length).toBeGreaterThan(10)
})
