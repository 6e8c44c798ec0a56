import { describe, expect, test, vi } from 'vitest'
import { IyiError } from '../../node/ports/errors.ts'
import { hostOf, loaded, type Sample } from './sample-plugins.ts'

/** A plugin that writes down what happens to it. */
function witness(
  journal: string[],
  sample: Sample,
  over: { start?: () => Promise<void>; stop?: () => Promise<void> } = {},
) {
  return loaded({
    ...sample,
    setup: () => {
      journal.push(`setup ${sample.id}`)
      return {
        api: {},
        async start() {
          journal.push(`start ${sample.id}`)
          await over.start?.()
        },
        async stop() {
          journal.push(`stop ${sample.id}`)
          await over.stop?.()
        },
      }
    },
  })
}
const never = () => new Promise<void>(() => {})

describe('the life of plugins', () => {
  test('sets up and starts along the dependencies, stops against them', async () => {
    const journal: string[] = []
    const { host, metrics } = hostOf([
      witness(journal, { id: 'c', requires: ['b'] }),
      witness(journal, { id: 'b', requires: ['a'] }),
      witness(journal, { id: 'a' }),
    ])
    host.resolve()
    await host.setup()
    await host.start()
    expect(metrics.gauges.get('iyi_kernel_plugin_running {"plugin":"c"}')).toBe(1)
    await host.stop('test')
    expect(journal).toEqual([
      ...['setup a', 'setup b', 'setup c'],
      ...['start a', 'start b', 'start c'],
      ...['stop c', 'stop b', 'stop a'],
    ])
    expect(metrics.gauges.get('iyi_kernel_plugin_running {"plugin":"c"}')).toBe(0)
  })

  test('starts the plugins of one level together', async () => {
    const journal: string[] = []
    const gate = Promise.withResolvers<void>()
    const { host } = hostOf([
      witness(journal, { id: 'a' }, { start: () => gate.promise }),
      witness(journal, { id: 'b' }, { start: async () => gate.resolve() }),
      witness(journal, { id: 'c', requires: ['a'] }),
    ])
    await host.setup()
    // Would never end if `b` waited for `a`.
    await host.start()
    expect(journal.slice(3)).toEqual(['start a', 'start b', 'start c'])
  })

  test('a failed start stops what runs, in reverse, and is thrown with its retry flag', async () => {
    const journal: string[] = []
    const cause = new IyiError('STORE_UNAVAILABLE', 'no database', { data: null, retry: true })
    const { host } = hostOf([
      witness(journal, { id: 'a' }),
      witness(journal, { id: 'b', requires: ['a'] }),
      witness(journal, { id: 'bad', requires: ['a'] }, { start: () => Promise.reject(cause) }),
      witness(journal, { id: 'd', requires: ['bad'] }),
    ])
    await host.setup()
    await expect(host.start()).rejects.toMatchObject({
      code: 'KERNEL_START_FAILED',
      retry: true,
      cause,
      data: { plugin: 'bad' },
    })
    expect(journal.slice(4)).toEqual(['start a', 'start b', 'start bad', 'stop b', 'stop a'])
    await host.stop('after')
    expect(journal.filter((line) => line.startsWith('stop'))).toHaveLength(2)
  })

  test('a start past its deadline names its plugin, and is told to stop too', async () => {
    const journal: string[] = []
    const { host, clock } = hostOf(
      [witness(journal, { id: 'a' }), witness(journal, { id: 'slow', requires: ['a'] }, { start: never })],
      { deadlines: { startMs: 500 } },
    )
    await host.setup()
    const starting = host.start()
    await vi.waitFor(() => expect(journal).toContain('start slow'))
    clock.advance(499)
    clock.advance(1)
    await expect(starting).rejects.toMatchObject({
      code: 'KERNEL_DEADLINE',
      data: { plugin: 'slow', phase: 'start' },
    })
    expect(journal.slice(-2)).toEqual(['stop slow', 'stop a'])
    expect(clock.pending).toBe(0)
  })

  test('a stop past its deadline is told by its signal, given up after the grace, and does not keep the others', async () => {
    const journal: string[] = []
    let deadline: AbortSignal | undefined
    const slow = loaded({
      id: 'slow',
      requires: ['a'],
      setup: () => ({
        api: {},
        stop(signal) {
          deadline = signal
          return never()
        },
      }),
    })
    const { host, clock } = hostOf([witness(journal, { id: 'a' }), slow], {
      deadlines: { stopMs: 500, stopGraceMs: 100 },
    })
    await host.setup()
    await host.start()
    const stopping = host.stop('test')
    await vi.waitFor(() => expect(deadline).toBeDefined())
    expect(deadline?.aborted).toBe(false)
    clock.advance(500)
    expect(deadline?.aborted).toBe(true)
    clock.advance(100)
    await expect(stopping).rejects.toMatchObject({
      code: 'KERNEL_STOP_FAILED',
      cause: { code: 'KERNEL_DEADLINE' },
    })
    expect(journal.at(-1)).toBe('stop a')
    expect(clock.pending).toBe(0)
  })

  test('a stop during the start ends it between two levels', async () => {
    const journal: string[] = []
    const gate = Promise.withResolvers<void>()
    const { host } = hostOf([
      witness(journal, { id: 'a' }, { start: () => gate.promise }),
      witness(journal, { id: 'b', requires: ['a'] }),
    ])
    await host.setup()
    const starting = host.start()
    const outcome = expect(starting).rejects.toMatchObject({ code: 'KERNEL_STOPPING' })
    const stopping = host.stop('SIGTERM')
    gate.resolve()
    await Promise.all([outcome, stopping])
    expect(journal.slice(2)).toEqual(['start a', 'stop a'])
  })

  test('stop may come twice, or before anything began', async () => {
    const journal: string[] = []
    const { host } = hostOf([witness(journal, { id: 'a' })])
    await host.setup()
    await host.start()
    await Promise.all([host.stop('one'), host.stop('two')])
    expect(journal.filter((line) => line === 'stop a')).toHaveLength(1)
    await hostOf([witness(journal, { id: 'a' })]).host.stop('early')
  })

  test('phases out of order are refused', async () => {
    const { host } = hostOf([loaded({ id: 'a' })])
    await expect(host.start()).rejects.toMatchObject({ code: 'KERNEL_WRONG_PHASE' })
    await host.setup()
    await expect(host.setup()).rejects.toMatchObject({ code: 'KERNEL_WRONG_PHASE' })
  })

  test("a setup that throws, that waits or that takes too long is refused with its plugin's name", async () => {
    const throwing = hostOf([
      loaded({
        id: 'bad',
        setup: () => {
          throw new Error('boom')
        },
      }),
    ])
    await expect(throwing.host.setup()).rejects.toMatchObject({
      code: 'KERNEL_SETUP_FAILED',
      data: { plugin: 'bad' },
    })
    const waiting = hostOf([loaded({ id: 'bad', setup: (async () => ({ api: {} })) as never })])
    await expect(waiting.host.setup()).rejects.toMatchObject({
      code: 'KERNEL_SETUP_FAILED',
      data: { plugin: 'bad' },
    })
    const blocking = hostOf(
      [
        loaded({
          id: 'bad',
          setup: () => {
            blocking.clock.advance(100)
            return { api: {} }
          },
        }),
      ],
      { deadlines: { setupMs: 99 } },
    )
    await expect(blocking.host.setup()).rejects.toMatchObject({
      code: 'KERNEL_DEADLINE',
      data: { plugin: 'bad', phase: 'setup' },
    })
  })

  test("health is the plugin's own word; a check that throws is failed", async () => {
    const { host } = hostOf([
      loaded({ id: 'plain' }),
      loaded({
        id: 'lagging',
        setup: () => ({ api: {}, health: () => ({ status: 'degraded', reason: 'lags' }) }),
      }),
      loaded({
        id: 'broken',
        setup: () => ({
          api: {},
          health: () => {
            throw new Error('boom')
          },
        }),
      }),
    ])
    const status = () => host.health().map(({ plugin, health }) => `${plugin} ${health.status}`)
    expect(status()).toEqual(['plain failed', 'lagging failed', 'broken failed'])
    await host.setup()
    await host.start()
    expect(status()).toEqual(['plain ok', 'lagging degraded', 'broken failed'])
    await host.stop('test')
    expect(status()).toEqual(['plain failed', 'lagging failed', 'broken failed'])
  })
})
