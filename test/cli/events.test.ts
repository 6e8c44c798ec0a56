import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { minimal } from '../config/config-cases.ts'
import { cliWorld, TestError } from './cli-world.ts'

let dir = ''
let config = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'iyi-events-cli-'))
  config = join(dir, 'iyi.yaml')
  await writeFile(config, JSON.stringify({ ...minimal, name: 'mine' }))
})
afterEach(() => rm(dir, { recursive: true }))

const verb = (...args: string[]) => [...args, '--config', config]

describe('events', () => {
  test('consumers prints a line for each chain of each', async () => {
    const status = { consumer: 'oracle.rounds', chainId: 1, stage: 'confirmed', seq: 7n, behind: 2n }
    const world = cliWorld({ eventConsumers: async () => [{ ...status, deadLetters: 1 }] })
    expect(await world.run(...verb('events', 'consumers'))).toBe(0)
    expect(world.out()).toBe('oracle.rounds  chain 1  confirmed  at 7, 2 behind  1 dead letter\n')
  })

  test('dead-letters prints what failed and why, on lines of its own', async () => {
    const asked: unknown[] = []
    const world = cliWorld({
      eventDeadLetters: async (_, options) => {
        asked.push(options)
        return [
          {
            ...{ id: 3n, consumer: 'c', chainId: 1, event: 'pool.Swap', blockNumber: 9n, attempts: 12 },
            ...{ failedAt: 'today', waiting: true, error: 'one\ntwo' },
          },
        ]
      },
    })
    expect(await world.run(...verb('events', 'dead-letters'))).toBe(0)
    expect(world.out()).toBe(
      '3  c  pool.Swap of block 9 on chain 1, 12 tries, last today, to be delivered again\n    one two\n',
    )
    expect(await world.run(...verb('events', 'dead-letters', '--consumer', 'c'))).toBe(0)
    expect(asked).toEqual([{ consumer: null }, { consumer: 'c' }])
  })

  test('retry takes numbers or all, and one of the two', async () => {
    const asked: unknown[] = []
    const world = cliWorld({
      retryEvents: async (_, options) => {
        asked.push(options)
        return 2
      },
    })
    expect(await world.run(...verb('events', 'retry', 'c', '--id', '3', '4'))).toBe(0)
    expect(await world.run(...verb('events', 'retry', 'c', '--all'))).toBe(0)
    expect(asked).toEqual([
      { consumer: 'c', ids: [3n, 4n] },
      { consumer: 'c', ids: null },
    ])
    for (const wrong of [[], ['--all', '--id', '3']]) {
      expect(await world.run(...verb('events', 'retry', 'c', ...wrong))).toBe(1)
      expect(world.err()).toContain('CLI_BAD_OPTIONS')
    }
    expect(await world.run(...verb('events', 'retry', 'c', '--id', 'x'))).toBe(1)
  })

  test('replay sets a consumer back', async () => {
    const asked: unknown[] = []
    const world = cliWorld({
      replayEvents: async (_, options) => {
        asked.push(options)
        return { notices: 40n }
      },
    })
    const args = ['events', 'replay', 'c', '--chain', '1', '--from-block', '0']
    expect(await world.run(...verb(...args))).toBe(0)
    expect(world.out()).toBe('c has 40 notices of chain 1 before it\n')
    expect(asked).toEqual([{ consumer: 'c', chainId: 1, fromBlock: 0n }])
    expect(await world.run(...verb('events', 'replay', 'c', '--chain', '1'))).toBe(1)
  })
})

describe('index recover', () => {
  test('says from where the chain goes on', async () => {
    const over = { chain: 'chain-a', reverted: 3 }
    const world = cliWorld({ recoverIndex: async () => ({ ...over, ancestor: 41n }) })
    expect(await world.run(...verb('index', 'recover', '--chain', '1'))).toBe(0)
    expect(world.out()).toBe('chain-a goes on from block 41; 3 events are reverted\n')
    const lost = cliWorld({ recoverIndex: async () => ({ ...over, ancestor: null }) })
    expect(await lost.run(...verb('index', 'recover', '--chain', '1'))).toBe(0)
    expect(lost.out()).toContain('its beginning')
  })

  test('fails as what it asked for', async () => {
    const world = cliWorld({ recoverIndex: () => Promise.reject(new TestError(true)) })
    expect(await world.run(...verb('index', 'recover', '--chain', '1'))).toBe(75)
  })
})
