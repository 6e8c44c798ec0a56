import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { ponderRunner } from '../../../node/adapters/ponder/runner.ts'
import type { Clock } from '../../../node/ports/clock.ts'
import { groupMembers, repository, until } from './fixture.ts'
import { recordingLogger, recordingMetrics } from './recorders.ts'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'iyi-supervisor-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

describe('a Ponder that can never start', () => {
  it('is tried again with rising delays, then reported as failed with its last words', {
    timeout: 60_000,
  }, async () => {
    const delays: number[] = []
    // Delays are noted and not waited for.
    const clock: Clock = {
      ...systemClock,
      setTimer(delayMs, fire) {
        if (delayMs === 1_000 || delayMs === 60_000) return systemClock.setTimer(delayMs, fire)
        delays.push(delayMs)
        return systemClock.setTimer(0, fire)
      },
    }
    const log = recordingLogger()
    const metrics = recordingMetrics()
    const watched: number[] = []
    const released: number[] = []
    const runner = ponderRunner(
      {
        root: join(repository, 'indexer'),
        databaseUrl: 'postgres://node:never-log-this@127.0.0.1:1/iyi',
        config: {
          chains: [{ id: 1, name: 'one', rpc: ['http://127.0.0.1:1'] }],
          contracts: [{ kind: 'pool', chainId: 2, address: `0x${'ab'.repeat(20)}`, startBlock: 0 }],
        },
        configPath: join(directory, 'indexer.json'),
        schema: 'iyi_000000000000',
        port: 42_100,
      },
      {
        clock,
        log,
        restarts: metrics.counter({ name: 'iyi_index_restarts_total', help: '' }),
        guard: { watch: (pid) => void watched.push(pid), release: (pid) => void released.push(pid) },
      },
    )
    await runner.start()
    await until('failed', 50_000, async () => runner.health().status === 'failed')
    expect(runner.health()).toMatchObject({ reason: expect.stringContaining('2 is not one of chains') })
    await runner.stop(AbortSignal.timeout(2_000))
    expect(delays.length).toBeGreaterThanOrEqual(3)
    delays.slice(0, 3).forEach((delayMs, at) => {
      expect(delayMs).toBeGreaterThanOrEqual(500 * 2 ** at * 0.75)
      expect(delayMs).toBeLessThanOrEqual(500 * 2 ** at * 1.25)
    })
    expect(metrics.values.get('iyi_index_restarts_total{}')).toBe(delays.length)
    expect(watched.length).toBeGreaterThanOrEqual(3)
    expect(released).toEqual(watched)
    expect(runner.pid()).toBeNull()
    expect(JSON.stringify(log.lines)).not.toContain('never-log-this')
  })
})

describe('a Ponder whose node was killed', () => {
  it('ends by itself', { timeout: 30_000 }, async () => {
    const program = fileURLToPath(new URL('./orphan-parent.ts', import.meta.url))
    const parent = spawn(process.execPath, [program, directory, join(repository, 'indexer')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(parent.stdout, 'data')) as [Buffer]
    const pid = Number(line.toString())
    expect(groupMembers(pid)).toContain(`${pid}`)
    parent.kill('SIGKILL')
    await until('the indexer is gone', 20_000, async () => groupMembers(pid).length === 0)
  })
})
