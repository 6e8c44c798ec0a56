import { afterEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../node/adapters/clock/system.ts'
import type { Hex } from '../../node/ports/chain.ts'
import { until } from '../adapters/libp2p/kit.ts'
import { anvil, CHAIN_ID } from '../adapters/viem/kit.ts'
import {
  halfOpen,
  huge,
  type Lie,
  missingLogs,
  noReceipts,
  slowBy,
  staleAt,
  TRUTH,
  tooManyRequests,
  wrongLogs,
  wrongParents,
  wrongReceipts,
} from './lying-rpc.ts'
import { type Rig, rig } from './rig.ts'

// Real sockets and processes: a loaded machine may take its time.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function start(options: Parameters<typeof rig>[0]): Promise<Rig> {
  const made = await rig(options)
  cleanups.push(() => made.stop())
  return made
}

async function blockAt(net: Rig, number: bigint) {
  const { hash } = await net.chain.rpc<{ hash: Hex }>(
    'eth_getBlockByNumber',
    `0x${number.toString(16)}`,
    false,
  )
  return { chainId: CHAIN_ID, number, hash }
}

const asideOf = (net: Rig) => net.trust.status()[0]?.setAside.map(({ provider }) => provider)
const waitingOf = (net: Rig) => net.trust.status()[0]?.waiting?.reason ?? ''

/** Blocks with logs become agreed on while a provider lies, and it is known for that. */
async function goesOnWithout(net: Rig, liar: number): Promise<void> {
  await net.emit('0x01', '0x02')
  await net.emit('0x03')
  const confirmed = await net.confirm()
  await net.agreedOn(confirmed)
  expect(net.halts.list()).toEqual([])
  expect(asideOf(net)).toEqual([liar])
  expect(net.store.kept[0]).toMatchObject({ verdict: 'proven', wrong: [liar] })
}

describe('with honest providers', () => {
  it('agrees up to the newest block that is indexed and confirmed', async () => {
    // However slow this machine is, nobody is asked in another's place.
    const net = await start({ providers: 3, k: 2, hedgeMs: 20_000, timeoutMs: 10_000 })
    expect(net.trust.agreed(CHAIN_ID)).toBeNull()
    await net.emit('0x01', '0x02')
    await net.emit()
    const confirmed = await net.confirm()
    await net.agreedOn(confirmed)
    const block = await blockAt(net, confirmed)
    expect(net.trust.agreed(CHAIN_ID)).toEqual(block)
    await net.trust.waitFor(block, 1_000)
    await net.trust.waitFor(await blockAt(net, 1n), 1_000)
    expect(net.metrics.sum('iyi_chain_blocks_proven_total', { outcome: 'proven' })).toBeGreaterThan(0)
    // Two of three were asked, and no more.
    expect(net.providers[2]?.calls).toEqual([])
  })

  it('refuses another block at that height, and one that is not agreed on in time', async () => {
    const net = await start({ providers: 2, k: 2 })
    await net.emit('0x01')
    const confirmed = await net.confirm()
    await net.agreedOn(confirmed)
    const hash = `0x${'12'.repeat(32)}` as const
    for (const number of [confirmed, 0n])
      await expect(net.trust.waitFor({ chainId: CHAIN_ID, number, hash }, 1_000)).rejects.toMatchObject({
        code: 'TRUST_OTHER_BLOCK',
      })
    await expect(
      net.trust.waitFor({ chainId: CHAIN_ID, number: confirmed + 1n, hash }, 50),
    ).rejects.toMatchObject({
      code: 'TRUST_NOT_AGREED',
      retry: true,
    })
    await expect(net.trust.waitFor({ chainId: 7, number: 1n, hash }, 50)).rejects.toMatchObject({
      code: 'TRUST_UNKNOWN_CHAIN',
    })
  })

  it('goes on where it was after a restart', async () => {
    const net = await start({ providers: 2, k: 2 })
    await net.emit('0x01')
    const confirmed = await net.confirm()
    await net.agreedOn(confirmed)
    await net.trust.stop()
    const before = net.providers.map(({ calls }) => calls.length)
    await net.restart()
    await net.agreedOn(confirmed)
    expect(net.providers.map(({ calls }) => calls.length)).toEqual(before)
    await net.agreedOn(await net.confirm())
  })

  it('compares everything anew when another build of the index takes over', async () => {
    const net = await start({ providers: 2, k: 2 })
    await net.emit('0x01', '0x02')
    await net.agreedOn(await net.confirm())
    const confirmed = await net.confirm({ forget: ({ data }) => data === '0x01' })
    // What is agreed on is not looked at again, unless it may be something else.
    await net.agreedOn(confirmed)
    net.index.setBuild('other')
    expect(await net.halted()).toContain('rebuild')
    await net.agreedOn(await net.confirm())
    expect(net.halts.list()).toEqual([])
  })

  it('follows a reorganisation below what was agreed on', async () => {
    const net = await start({ providers: 2, k: 2 })
    await net.emit('0x00')
    await net.agreedOn(await net.confirm())
    const snapshot = await net.chain.rpc('evm_snapshot')
    await net.emit('0x01')
    const old = await net.confirm()
    await net.agreedOn(old)
    const gone = await blockAt(net, old)
    await net.chain.rpc('evm_revert', snapshot)
    await net.emit('0x02')
    await net.emit('0x03')
    const confirmed = await net.confirm()
    await net.agreedOn(confirmed)
    await net.trust.waitFor(await blockAt(net, confirmed), 2_000)
    await expect(net.trust.waitFor(gone, 2_000)).rejects.toMatchObject({ code: 'TRUST_OTHER_BLOCK' })
    expect(net.halts.list()).toEqual([])
  })

  it('compares a long past in few requests', async () => {
    const net = await start({ providers: 2, k: 2 })
    await net.chain.rpc('anvil_mine', '0x7d0')
    await net.agreedOn(await net.confirm())
    expect(net.providers[0]?.calls.filter((method) => method === 'eth_getLogs').length).toBeLessThan(12)
  })
})

describe('one liar of three, two must agree', () => {
  it.each<[string, Lie]>([
    ['wrong logs', wrongLogs],
    ['missing logs', missingLogs],
    ['a header that is none', wrongParents],
    ['wrong receipts', wrongReceipts],
  ])('%s: names it by proof, and goes on', async (_name, lie) => {
    const net = await start({ providers: 3, k: 2 })
    net.providers[0]?.lie(lie)
    await goesOnWithout(net, 0)
  })

  it('keeps a proof that anybody can check', async () => {
    const net = await start({ providers: 3, k: 2 })
    net.providers[1]?.lie(wrongLogs)
    await goesOnWithout(net, 1)
    const [evidence] = net.store.kept
    expect(evidence?.kind).toBe('logs')
    expect(evidence?.header?.hash).toBe(evidence?.block.hash)
    expect(evidence?.receipts?.flatMap(({ logs }) => logs).map(({ data }) => data)).toContain('0x01')
    expect(evidence?.statements.map(({ provider, verdict }) => [provider, verdict])).toContainEqual([
      1,
      'wrong',
    ])
    expect(JSON.stringify(evidence)).not.toContain('SECRETAPIKEY')
    expect(net.metrics.sum('iyi_chain_provider_set_aside')).toBe(1)
  })

  it.each<[string, Lie]>([
    ['limits requests', tooManyRequests],
    ['never answers', halfOpen],
    ['answers late', slowBy(700)],
    ['answers with 20 MiB', huge],
    ['stands still', staleAt(1n)],
  ])('one that %s is replaced, and nobody is accused', async (_name, lie) => {
    const net = await start({ providers: 3, k: 2 })
    net.providers[0]?.lie(lie)
    await net.emit('0x01')
    await net.agreedOn(await net.confirm())
    expect(asideOf(net)).toEqual([])
    expect(net.store.kept).toEqual([])
    expect(net.halts.list()).toEqual([])
  })

  it('one that takes its words back each time is not accused, and holds up nothing', async () => {
    const net = await start({ providers: 3, k: 2 })
    net.providers[0]?.lie(async ({ method, params, truth }) => {
      const logs = await truth()
      const byRange = method === 'eth_getLogs' && 'fromBlock' in (params[0] as object)
      return byRange ? [] : logs
    })
    await net.emit('0x01')
    await net.emit('0x02')
    await net.agreedOn(await net.confirm())
    expect(asideOf(net)).toEqual([])
    expect(net.halts.list()).toEqual([])
  })
})

describe('one liar of two, both must agree', () => {
  it('halts with evidence, and goes on when it tells the truth', async () => {
    const net = await start({ providers: 2, k: 2 })
    net.providers[1]?.lie(missingLogs)
    await net.emit('0x01')
    const confirmed = await net.confirm()
    await net.halted()
    expect(net.trust.agreed(CHAIN_ID)).toBeNull()
    const block = await blockAt(net, confirmed)
    await expect(net.trust.waitFor(block, 5_000)).rejects.toMatchObject({
      code: 'TRUST_HALTED',
      retry: false,
    })
    expect(net.store.kept).toMatchObject([{ kind: 'logs', verdict: 'proven', wrong: [1] }])
    net.providers[1]?.lie(null)
    await until('the halt is over', () => net.halts.list().length === 0)
    await net.trust.waitFor(block, 5_000)
    expect(asideOf(net)).toEqual([])
  })

  it('halts without proof, names nobody, and goes on when they agree', async () => {
    const net = await start({ providers: 2, k: 2 })
    net.providers[0]?.lie(noReceipts)
    net.providers[1]?.lie(async (call) => {
      const told = await noReceipts(call)
      return told === TRUTH ? await wrongLogs(call) : told
    })
    await net.emit('0x01')
    const confirmed = await net.confirm()
    await net.halted()
    expect(asideOf(net)).toEqual([])
    expect(net.store.kept).toMatchObject([{ kind: 'logs', verdict: 'unproven', wrong: [] }])
    net.providers[1]?.lie(null)
    await net.agreedOn(confirmed)
    expect(net.halts.list()).toEqual([])
    // Told once, however often it was looked at.
    expect(net.store.kept).toHaveLength(1)
  })

  it('waits, then halts with evidence while they stand on different forks', async () => {
    const net = await start({ providers: 2, k: 2 })
    await net.emit('0x01')
    const other = await anvil({ args: ['--timestamp', '1700000000'] })
    cleanups.push(() => other.stop())
    await other.rpc('anvil_mine', '0x20')
    net.providers[1]?.serve(other)
    const confirmed = await net.confirm()
    expect(await net.halted()).toContain('provider 1')
    expect(net.store.kept).toMatchObject([{ kind: 'fork', verdict: 'unproven', block: { hash: null } }])
    expect(new Set(net.store.kept[0]?.statements.map(({ blockHash }) => blockHash)).size).toBe(2)
    net.providers[1]?.serve(net.chain)
    await net.agreedOn(confirmed)
  })

  it.each<[string, Lie]>([
    ['limits requests', tooManyRequests],
    ['never answers', halfOpen],
    ['answers with 20 MiB', huge],
    ['stands still', staleAt(1n)],
  ])('one that %s is waited for: one provider is never enough', async (_name, lie) => {
    const net = await start({ providers: 2, k: 2 })
    net.providers[0]?.lie(lie)
    await net.emit('0x01')
    const confirmed = await net.confirm()
    await until('it waits', () => waitingOf(net).startsWith('1 of 2'))
    expect(net.trust.agreed(CHAIN_ID)?.number ?? 0n).toBeLessThan(confirmed)
    expect(net.halts.list()).toEqual([])
    expect(net.store.kept).toEqual([])
    net.providers[0]?.lie(null)
    await net.agreedOn(confirmed)
  })

  it('a node that stops does not wait for one that never answers', async () => {
    const net = await start({ providers: 2, k: 2, timeoutMs: 20_000 })
    await net.emit('0x01')
    const confirmed = await net.confirm()
    await net.agreedOn(confirmed)
    net.providers[0]?.lie(halfOpen)
    const asked = net.providers[0]?.calls.length ?? 0
    await net.emit('0x02')
    await net.confirm()
    await until('it is asked', () => (net.providers[0]?.calls.length ?? 0) > asked)
    const from = performance.now()
    await net.trust.stop()
    expect(performance.now() - from).toBeLessThan(5_000)
    // What was agreed on before is kept.
    await net.restart()
    await net.agreedOn(confirmed)
  })
})

describe('all that are asked lie alike', () => {
  it('receipts disprove them, and others are asked', async () => {
    const net = await start({ providers: 4, k: 2 })
    for (const liar of net.providers.slice(0, 2)) liar.lie(wrongLogs)
    await net.emit('0x01')
    await net.agreedOn(await net.confirm())
    expect(asideOf(net)).toEqual([0, 1])
    expect(net.store.kept).toMatchObject([{ kind: 'logs', verdict: 'proven', wrong: [0, 1] }])
  })

  it('an event that nobody tells of shows in the bloom filter of the header', async () => {
    const net = await start({ providers: 2, k: 1 })
    net.providers[0]?.lie(({ method }) => (method === 'eth_getLogs' ? [] : TRUTH))
    await net.emit('0x01')
    const confirmed = await net.confirm({ forget: () => true })
    await until('the liar is set aside', () => asideOf(net)?.includes(0) === true)
    expect(net.trust.agreed(CHAIN_ID)?.number ?? 0n).toBeLessThan(confirmed)
  })
})

describe('the index', () => {
  it.each([1, 2])('that lacks a log which %i providers tell halts the chain until it has it', async (k) => {
    const net = await start({ providers: k, k })
    await net.emit('0x01', '0x02')
    await net.confirm({ forget: ({ data }) => data === '0x02' })
    expect(await net.halted()).toContain('rebuild')
    expect(net.store.kept).toMatchObject([{ kind: 'index', differences: [{ index: null }] }])
    const confirmed = await net.confirm()
    await net.agreedOn(confirmed)
    expect(net.halts.list()).toEqual([])
  })

  it('that holds another time of a block halts the chain: bars are made of times', async () => {
    const net = await start({ providers: 2, k: 2 })
    await net.emit('0x01')
    await net.emit('0x02')
    await net.chain.rpc('anvil_mine', '0x28')
    await net.confirm({ lateBy: 1n })
    await net.halted()
    expect(net.store.kept[0]?.kind).toBe('index')
    await net.agreedOn(await net.confirm())
  })

  it('may differ for a moment', async () => {
    const net = await start({ providers: 1, k: 1 })
    await net.emit('0x01')
    await net.confirm({ forget: () => true })
    await until('it waits', () => waitingOf(net) !== '')
    await net.agreedOn(await net.confirm())
    expect(net.store.kept).toEqual([])
  })

  it('that is away is waited for', async () => {
    const net = await start({ providers: 1, k: 1 })
    await net.emit('0x01')
    await net.agreedOn(await net.confirm())
    net.index.setDown(true)
    const confirmed = await net.confirm()
    const block = await blockAt(net, confirmed)
    await expect(net.trust.waitFor(block, 200)).rejects.toMatchObject({ code: 'TRUST_NOT_AGREED' })
    net.index.setDown(false)
    await net.agreedOn(confirmed)
  })
})

it('goes on only with k, whoever is away', async () => {
  const net = await start({ providers: 3, k: 2 })
  await net.emit('0x00')
  await net.agreedOn(await net.confirm())
  for (const provider of net.providers.slice(0, 2)) provider.lie(tooManyRequests)
  await net.emit('0x01')
  const confirmed = await net.confirm()
  await until('it waits', () => waitingOf(net).startsWith('1 of 2'))
  net.providers[0]?.lie(null)
  await net.agreedOn(confirmed)
  expect(net.halts.list()).toEqual([])
})

it.each([3_600_000, -3_600_000])(
  'waits no longer, nor shorter, when the clock is set by %i ms',
  async (jump) => {
    let set = 0
    const clock = { ...systemClock, now: () => systemClock.now() + set }
    const net = await start({ providers: 3, k: 2, clock })
    await net.emit('0x00')
    await net.agreedOn(await net.confirm())
    for (const provider of net.providers.slice(0, 2)) provider.lie(tooManyRequests)
    const began = systemClock.monotonic()
    await net.emit('0x01')
    const confirmed = await net.confirm()
    await until('it waits', () => waitingOf(net).startsWith('1 of 2'))
    set = jump
    const since = net.trust.status()[0]?.waiting?.since ?? Number.NaN
    expect(clock.now() - since).toBeGreaterThanOrEqual(-2)
    expect(clock.now() - since).toBeLessThanOrEqual(systemClock.monotonic() - began + 2)
    net.providers[0]?.lie(null)
    await net.agreedOn(confirmed)
    expect(net.halts.list()).toEqual([])
  },
)
