import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../node/adapters/clock/system.ts'
import { chainIdentities } from '../../node/compose/chain-identities.ts'
import type { ChainReader } from '../../node/ports/chain.ts'
import type { Clock } from '../../node/ports/clock.ts'
import { recordingLog } from '../adapters/postgres/support.ts'

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'iyi-genesis-'))
})
afterEach(() => rm(dir, { recursive: true }))

const hash = (byte: string) => `0x${byte.repeat(32)}` as const
const local = [
  { id: 2, rpc: ['http://localhost:2', 'ws://[::1]:2'] },
  { id: 1, rpc: ['http://127.0.0.1:1'] },
]

/** The clock's only timer is the limit: here it has passed as soon as it is set. */
const hasty: Clock = { ...systemClock, setTimer: (_, fire) => systemClock.setTimer(0, fire) }

function identities(
  genesis: ChainReader['block'],
  { chains = local, clock = systemClock }: { chains?: typeof local; clock?: Clock } = {},
) {
  const asked: number[] = []
  const block: ChainReader['block'] = (id, at) => {
    asked.push(id)
    expect(at).toBe(0n)
    return genesis(id, at)
  }
  const options = { chains, file: join(dir, 'data', 'genesis.json') }
  return chainIdentities(options, { chain: { block }, clock, log: recordingLog() }).then((lines) => ({
    lines,
    asked,
  }))
}

const answers =
  (byte: string): ChainReader['block'] =>
  async (id) => ({ number: 0n, hash: hash(`${byte}${id}`), parentHash: hash('00'), timestamp: 0 })
const never: ChainReader['block'] = () => new Promise(() => {})

test('a chain of this machine that began anew is another one', async () => {
  expect((await identities(answers('a'))).lines).toEqual([`1 ${hash('a1')}`, `2 ${hash('a2')}`])
  expect((await identities(answers('b'))).lines).toEqual([`1 ${hash('b1')}`, `2 ${hash('b2')}`])
})

test('a chain with a provider elsewhere is not asked', async () => {
  const chains = [{ id: 1, rpc: ['http://127.0.0.1:1', 'https://rpc.example.org'] }]
  expect(await identities(never, { chains })).toEqual({ lines: [], asked: [] })
})

test('a chain that does not answer is the one it was, and is not waited for', async () => {
  const silent = () => identities(never, { clock: hasty })
  expect((await silent()).lines).toEqual([])
  await identities(answers('a'))
  expect((await silent()).lines).toEqual([`1 ${hash('a1')}`, `2 ${hash('a2')}`])
  const half: ChainReader['block'] = (id, at) =>
    id === 1 ? Promise.reject(new Error('away')) : answers('b')(id, at)
  expect((await identities(half)).lines).toEqual([`1 ${hash('a1')}`, `2 ${hash('b2')}`])
})

test('a damaged memory is no obstacle', async () => {
  await mkdir(join(dir, 'data'))
  await writeFile(join(dir, 'data', 'genesis.json'), '{"1":')
  expect((await identities(answers('a'))).lines).toHaveLength(2)
})
