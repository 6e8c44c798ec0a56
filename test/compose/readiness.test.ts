import { expect, test } from 'vitest'
import { type ReadinessSources, readiness } from '../../node/compose/readiness.ts'
import type { ChainFreshness } from '../../node/ports/index-reader.ts'
import type { DutyStatus } from '../../node/ports/quorum.ts'

const hash = `0x${'ab'.repeat(32)}` as const
const chain: ChainFreshness = {
  chainId: 1,
  name: 'chain-a',
  head: { number: 100n, hash, timestamp: 1_000 },
  indexed: { number: 99n, timestamp: 988 },
  finalized: 36n,
  lagBlocks: 1,
}

/** Seen from oracle 0; `connected` are the others within reach. */
function duty(connected: readonly number[], change: Partial<DutyStatus> = {}): DutyStatus {
  return {
    dutyId: 'oracle/price',
    contract: { chainId: 1, address: `0x${'11'.repeat(20)}` },
    state: 'running',
    configDigest: hash,
    n: 4,
    f: 1,
    self: 0,
    epoch: 1,
    leader: 0,
    seqNr: 5n,
    lastOutcomeAt: null,
    requiredSignatures: 2,
    ownFaults: {},
    destinations: [],
    oracles: [0, 1, 2, 3].map((index) => ({
      index,
      signer: `0x${'22'.repeat(20)}`,
      transmitter: `0x${'33'.repeat(20)}`,
      peerKey: hash,
      consensusKey: hash,
      connected: connected.includes(index),
      lastObservedSeqNr: null,
      participation: { rounds: 0, observed: 0, voted: 0, latenessMs: null, faults: {} },
    })),
    ...change,
  }
}

const trust: ReturnType<ReadinessSources['trust']>[number] = {
  chainId: 1,
  name: 'chain-a',
  required: 2,
  agreed: 98n,
  waiting: null,
  halts: [],
  setAside: [],
  providers: [
    {
      provider: 0,
      host: 'a.example',
      state: 'well',
      weight: 1,
      requests: 9,
      perSecond: 1.5,
      limitPerSecond: 25,
    },
    {
      provider: 1,
      host: 'b.example',
      state: 'limited',
      weight: 1,
      requests: 9,
      perSecond: 0,
      limitPerSecond: null,
    },
  ],
}

const fine: ReadinessSources = {
  database: () => ({ status: 'ok' }),
  index: { freshness: async () => [chain] },
  indexer: () => ({ status: 'ok' }),
  events: () => ({ status: 'ok' }),
  series: () => ({ status: 'ok' }),
  trust: () => [trust],
  now: () => 1_000_000,
  duties: () => [duty([1, 2, 3])],
  maySign: () => true,
  inference: () => ({ status: 'ok', detail: '1 model' }),
}

/** Names of the checks that fail, with what they say. */
async function failing(change: Partial<ReadinessSources>) {
  const { ready, checks } = await readiness({ ...fine, ...change })
  const failed = checks.filter((check) => !check.ok)
  expect(ready).toBe(failed.length === 0)
  return Object.fromEntries(failed.map(({ name, detail }) => [name, detail]))
}

test('ready when everything is, and each check says so', async () => {
  const { ready, checks } = await readiness(fine)
  expect(ready).toBe(true)
  expect(checks.map(({ name }) => name)).toEqual([
    'database',
    'index',
    'indexer',
    'providers',
    'agreement',
    'peers',
    'signer',
    'duties',
    'inference',
    'events',
    'series',
  ])
  const off = await readiness({ ...fine, series: null })
  expect(off.checks.map(({ name }) => name)).not.toContain('series')
  expect(checks.every(({ ok, detail }) => ok && detail !== '')).toBe(true)
})

test.each(['degraded', 'failed'] as const)('a database or models that are %s', async (status) => {
  const health = () => ({ status, reason: 'do this' })
  expect(await failing({ database: health })).toEqual({ database: 'do this' })
  expect(await failing({ inference: health })).toEqual({ inference: 'do this' })
})

test('the right to sign was lost', async () => {
  expect(await failing({ maySign: () => false })).toEqual({ signer: expect.stringContaining('restart') })
})

test('an index that is away, empty, behind, or whose chain does not answer', async () => {
  const of = (...chains: ChainFreshness[]) => failing({ index: { freshness: async () => chains } })
  expect(await of(chain, { ...chain, name: 'chain-b', head: null })).toEqual({
    index: expect.stringContaining('chain-b: its providers'),
  })
  expect(await of({ ...chain, indexed: null, lagBlocks: null })).toEqual({
    index: 'chain-a: not indexed yet',
  })
  // Seconds count, not blocks: a chain may make ten blocks a second or one in ten minutes.
  expect(await of({ ...chain, indexed: { number: 1n, timestamp: 940 }, lagBlocks: 99 })).toEqual({})
  expect(await of({ ...chain, indexed: { number: 99n, timestamp: 939 } })).toEqual({
    index: expect.stringContaining('61 s behind'),
  })
  const away = async () => Promise.reject(new Error('the index is away'))
  expect(await failing({ index: { freshness: away } })).toEqual({ index: 'the index is away' })
})

test('a halted chain, and one that waits too long for its providers', async () => {
  const of = (change: Partial<typeof trust>) =>
    failing({ trust: () => [trust, { ...trust, name: 'chain-b', ...change }] })
  const halt = { chainId: 1, cause: 'disagreement', reason: 'they lie', since: 0 } as const
  expect(await of({ halts: [halt] })).toEqual({ agreement: 'chain-b: halted (disagreement): they lie' })
  expect(await of({ waiting: { reason: '1 of 2', since: 940_000 } })).toEqual({})
  expect(await of({ waiting: { reason: '1 of 2', since: 939_000 } })).toEqual({
    agreement: expect.stringContaining('61 s: 1 of 2'),
  })
})

test('providers are told with what they are asked, and some must be well', async () => {
  const { checks } = await readiness(fine)
  expect(checks.find(({ name }) => name === 'providers')?.detail).toContain(
    'a.example well, 1.5 of 25 requests/s',
  )
  const providers = trust.providers.map((each) => ({ ...each, state: 'resting' as const }))
  expect(await failing({ trust: () => [{ ...trust, providers }] })).toEqual({
    providers: expect.stringContaining('0 of 2 well'),
  })
})

test('what is fine is told in figures', async () => {
  const { checks } = await readiness({ ...fine, index: { freshness: async () => [chain] } })
  expect(checks.find(({ name }) => name === 'index')?.detail).toMatch(/chain-a: \d+ s behind \(\d+ blocks\)/)
  expect(checks.find(({ name }) => name === 'duties')?.detail).toBe('1 running')
})

test('fewer validators within reach than a quorum needs', async () => {
  // n = 4, f = 1: a Byzantine quorum is three, oneself included.
  expect(await failing({ duties: () => [duty([1, 3])] })).toEqual({})
  expect(await failing({ duties: () => [duty([2])] })).toEqual({ peers: expect.stringContaining('2 of 4') })
  // An observer needs nobody.
  expect(await failing({ duties: () => [duty([], { state: 'observer', self: null })] })).toEqual({})
})

test.each(['starting', 'refused', 'stopped'] as const)('a duty that is %s', async (state) => {
  const told = await failing({ duties: () => [duty([1, 2, 3]), duty([], { state, reason: 'because' })] })
  expect(told).toEqual({ duties: expect.stringMatching(new RegExp(`oracle/price: ${state}, because`)) })
})

test('a node without duties is ready: not every node is a validator', async () => {
  expect(await failing({ duties: () => [] })).toEqual({})
})

test('no quorum is claimed where no duty runs', async () => {
  const peers = async (duties: readonly DutyStatus[]) =>
    (await readiness({ ...fine, duties: () => duties })).checks.find(({ name }) => name === 'peers')?.detail
  expect(await peers([])).toBe('no duty runs')
  expect(await peers([duty([], { state: 'refused' })])).toBe('no duty runs')
  expect(await peers([duty([1, 2, 3])])).toBe('a quorum is within reach')
})

test('events that a plugin gave up on are told of, and do not make a validator unfit', async () => {
  const events = () => ({ status: 'degraded', reason: 'gave up on 2 events' }) as const
  expect(await failing({ events })).toEqual({})
  const { checks } = await readiness({ ...fine, events })
  expect(checks.find(({ name }) => name === 'events')?.detail).toBe('gave up on 2 events')
  const series = () => ({ status: 'degraded', reason: 'they stand still' }) as const
  const told = await readiness({ ...fine, series })
  expect(told.ready).toBe(true)
  expect(told.checks.find(({ name }) => name === 'series')?.detail).toBe('they stand still')
})

test('a broker that is away is told of by name where something is published, and makes no validator unfit', async () => {
  const outbox = () => ({ status: 'degraded', reason: 'target "warehouse" waits' }) as const
  expect(await failing({ outbox })).toEqual({})
  const told = async (change: Partial<ReadinessSources>) =>
    (await readiness({ ...fine, ...change })).checks.find(({ name }) => name === 'outbox')?.detail
  expect(await told({ outbox })).toBe('target "warehouse" waits')
  expect(await told({})).toBeUndefined()
})
