import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { minimal } from '../config/config-cases.ts'
import { cliWorld } from './cli-world.ts'

let dir = ''
let config = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'iyi-outbox-cli-'))
  config = join(dir, 'iyi.yaml')
  const outbox = ['warehouse', 'other'].map((name) => ({ name, nats: { servers: ['nats://127.0.0.1:1'] } }))
  await writeFile(config, JSON.stringify({ ...minimal, outbox }))
})
afterEach(() => rm(dir, { recursive: true }))

const verb = (...args: string[]) => [...args, '--config', config]

describe('outbox', () => {
  test('status prints a line for each target, and why it waits', async () => {
    const status = { source: 'events', seq: 7n, behind: 2n, deadLetters: 1, updatedAt: 'today' }
    const world = cliWorld({
      outboxStatus: async () => [
        { ...status, target: 'warehouse', trouble: 'NATS does not\nanswer' },
        { ...status, target: 'gone', deadLetters: 0, behind: null, trouble: null },
      ],
    })
    expect(await world.run(...verb('outbox', 'status'))).toBe(0)
    expect(world.out().split('\n')).toEqual([
      'warehouse  events  at 7, 2 behind  1 dead letter  moved today',
      '    NATS does not answer',
      'gone  events  at 7, a source of another release  0 dead letters  moved today, not in the configuration any more',
      '',
    ])
    expect(world.err()).toContain('other has not begun')
  })

  test('dead-letters prints what was refused and why', async () => {
    const asked: unknown[] = []
    const letter = { id: 3n, target: 'warehouse', source: 'events', seq: 9n, key: '1-0xab-0-seen' }
    const world = cliWorld({
      outboxDeadLetters: async (_, options) => {
        asked.push(options)
        return [{ ...letter, attempts: 6, failedAt: 'today', waiting: true, error: 'too\nlarge' }]
      },
    })
    expect(await world.run(...verb('outbox', 'dead-letters', '--target', 'warehouse'))).toBe(0)
    expect(world.out()).toBe(
      '3  warehouse  events no. 9, 1-0xab-0-seen, 6 tries, last today, to be published again\n    too large\n',
    )
    expect(asked).toEqual([{ target: 'warehouse' }])
  })

  test('retry takes numbers or all, and one of the two', async () => {
    const asked: unknown[] = []
    const world = cliWorld({
      retryOutbox: async (_, options) => {
        asked.push(options)
        return 2
      },
    })
    expect(await world.run(...verb('outbox', 'retry', 'warehouse', '--id', '3', '4'))).toBe(0)
    expect(await world.run(...verb('outbox', 'retry', 'warehouse', '--all'))).toBe(0)
    expect(asked).toEqual([
      { target: 'warehouse', ids: [3n, 4n] },
      { target: 'warehouse', ids: null },
    ])
    expect(await world.run(...verb('outbox', 'retry', 'warehouse'))).toBe(1)
    expect(world.err()).toContain('CLI_BAD_OPTIONS')
  })

  test('replay takes a number, or a block with its chain', async () => {
    const asked: unknown[] = []
    const world = cliWorld({
      replayOutbox: async (_, options) => {
        asked.push(options)
        return { seq: 4n }
      },
    })
    const replay = (...args: string[]) => world.run(...verb('outbox', 'replay', 'warehouse', ...args))
    expect(await replay('--from-seq', '5')).toBe(0)
    expect(await replay('--from-block', '9', '--chain', '1')).toBe(0)
    expect(asked).toEqual([
      { target: 'warehouse', source: 'events', from: { seq: 5n } },
      { target: 'warehouse', source: 'events', from: { chainId: 1, block: 9n } },
    ])
    for (const wrong of [[], ['--from-block', '9'], ['--from-seq', '1', '--chain', '1'], ['--from-seq', 'x']])
      expect(await replay(...wrong)).toBe(1)
    expect(await replay('--source', 'alerts', '--from-block', '9', '--chain', '1')).toBe(1)
    expect(world.err()).toContain('--from-seq')
    expect(asked).toHaveLength(2)
  })
})

describe('export', () => {
  test('says how much was written, and up to which block', async () => {
    const asked: unknown[] = []
    const world = cliWorld({
      exportTable: async (_config, _source, options) => {
        asked.push(options)
        return { rows: 2, blocks: new Map([[1, 40n]]) }
      },
    })
    const args = ['export', 'poolSwap', '--format', 'csv', '--out', '-', '--chain', '1', '--from-block', '3']
    expect(await world.run(...verb(...args))).toBe(0)
    expect([world.out(), world.err()]).toEqual(['', '2 rows of poolSwap: chain 1 up to block 40\n'])
    expect(asked).toEqual([
      {
        ...{ what: 'poolSwap', format: 'csv', out: '-', force: false },
        filter: { chainId: 1, fromBlock: 3n, toBlock: null },
      },
    ])
  })

  test('refuses what makes no sense before anything is opened', async () => {
    const world = cliWorld()
    const base = ['export', 'poolSwap', '--out', 'x']
    for (const wrong of [
      ['--format', 'xml'],
      ['--format', 'csv', '--chain', '9'],
      ['--format', 'csv', '--from-block', '9', '--to-block', '8'],
      [],
    ])
      expect(await world.run(...verb(...base, ...wrong))).toBe(1)
    expect(world.err()).not.toContain('TEST_FAILED')
  })
})
