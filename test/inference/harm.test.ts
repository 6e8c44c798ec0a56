import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { until } from '../e2e/kit/until.ts'
import { start } from './fixture.ts'
import { float32, int64, tinyFolder, writeTiny } from './tiny-fixture.ts'
import { tiny } from './tiny-set.ts'

const forEver = int64(2 ** 52)
const code = (run: Promise<unknown>) =>
  run.then(
    () => 'answered',
    (error: { code: string }) => error.code,
  )

/** Until the worker is at work on something: it uses the processor. */
async function busy(pid: number) {
  const ticks = () => Number(readFileSync(`/proc/${pid}/stat`, 'latin1').split(' ')[13])
  const before = ticks()
  await until('the worker is at work', () => ticks() > before + 5, { withinMs: 20_000, everyMs: 20 })
}

describe('a worker that is killed in the middle of a run', () => {
  it('fails that run alone; what waits is answered by the next one', async () => {
    const path = await writeTiny(await tinyFolder(), [tiny.counting(), tiny.doubling()])
    const { inference, workers, metrics } = await start(path, { runMs: 60_000 })
    const [pid = 0] = workers
    const lost = code(inference.run({ model: 'counting', inputs: { x: forEver } }))
    const behind = [
      inference.run({ model: 'counting', inputs: { x: int64(5) } }),
      inference.run({ model: 'doubling', inputs: { x: float32([1, 2], 1, 2) } }),
    ]
    await busy(pid)
    process.kill(pid, 'SIGKILL')
    expect(await lost).toBe('INFERENCE_FAILED')
    expect((await Promise.all(behind)).map(({ quantized }) => quantized)).toEqual([[5n], [2n, 4n]])
    expect([...workers]).not.toContain(pid)
    expect(inference.health().status).toBe('ok')
    expect(inference.models().every(({ status }) => status.ok)).toBe(true)
    expect((await metrics.expose()).body).toContain('iyi_inference_worker_restarts_total 1')
  })

  it('is forgiven once: the same input may be tried again', async () => {
    const path = await writeTiny(await tinyFolder(), [tiny.counting()])
    const { inference, workers } = await start(path, { runMs: 60_000 })
    const again = int64(400_000)
    const [pid = 0] = workers
    const lost = inference.run({ model: 'counting', inputs: { x: again } })
    const failed = expect(lost).rejects.toMatchObject({ code: 'INFERENCE_FAILED', retry: true })
    await busy(pid)
    process.kill(pid, 'SIGKILL')
    await failed
    const answer = await inference.run({ model: 'counting', inputs: { x: again } })
    expect(answer.quantized).toEqual([400_000n])
  })

  it('while it opens its models is no worker: the one after it is', async () => {
    const path = await writeTiny(await tinyFolder(), [tiny.counting(), tiny.doubling()])
    const { inference, workers } = await start(path)
    const killed = new Set<number>()
    for (let i = 0; i < 3; i++) {
      const pid = await until('there is a worker', () => [...workers].find((each) => !killed.has(each)), {
        ...{ withinMs: 20_000, everyMs: 1 },
      })
      killed.add(pid)
      process.kill(pid, 'SIGKILL')
    }
    const answers = Array.from({ length: 10 }, (_, i) =>
      inference.run({ model: 'doubling', inputs: { x: float32([1, 2], i, 2) } }),
    )
    expect((await Promise.all(answers)).map(({ quantized }) => quantized[0])).toEqual(
      Array.from({ length: 10 }, (_, i) => BigInt(2 * i)),
    )
  })

  it('when the node stops just then, none is left behind', async () => {
    const path = await writeTiny(await tinyFolder(), [tiny.counting()])
    const { inference, workers } = await start(path)
    const [pid = 0] = workers
    process.kill(pid, 'SIGKILL')
    await until('another one is started', () => workers.size === 1 && !workers.has(pid), {
      ...{ withinMs: 20_000, everyMs: 1 },
    })
    await inference.stop()
    expect(workers.size).toBe(0)
  })
})

describe('a run that nobody waits for any more', () => {
  it('is ended all the same, and what it did is remembered', async () => {
    const path = await writeTiny(await tinyFolder(), [tiny.counting()])
    const { inference } = await start(path, { runMs: 1_500, deadlineMs: 300 })
    const run = () => code(inference.run({ model: 'counting', inputs: { x: forEver }, priority: 'duty' }))
    expect(await run()).toBe('INFERENCE_TIMEOUT')
    // Its caller is long gone when the limit ends it.
    await until('the input is known', async () => (await run()) === 'INFERENCE_HARMFUL', {
      withinMs: 20_000,
      everyMs: 200,
    })
  })
})

describe('a run without an end', () => {
  it('is ended; the model rests, the input is refused, duties and other models go on', async () => {
    const path = await writeTiny(await tinyFolder(), [tiny.counting(), tiny.doubling()])
    const { inference, logs } = await start(path, { runMs: 400 })
    const api = (x: number) => inference.run({ model: 'counting', inputs: { x: int64(x) } })
    const endless = api(2 ** 52)
    const ended = expect(endless).rejects.toMatchObject({ code: 'INFERENCE_FAILED', retry: true })
    const behind = Promise.all([4, 5, 6, 7].map((x) => code(api(x))))
    const other = inference.run({ model: 'doubling', inputs: { x: float32([1, 2], 1, 2) } })
    const duty = inference.run({ model: 'counting', inputs: { x: int64(6) }, priority: 'duty' })
    await ended
    await expect(api(4)).rejects.toMatchObject({ code: 'INFERENCE_FAILED', retry: true })
    expect((await duty).quantized).toEqual([6n])
    expect((await other).quantized).toEqual([2n, 4n])
    // What waited of this model would do the same, for all that is known; the first may have been sent already.
    expect((await behind).slice(1)).toEqual(Array(3).fill('INFERENCE_FAILED'))
    const rests = () =>
      logs.filter(({ againInMs }) => againInMs !== undefined).map((entry) => entry.againInMs)
    expect(rests().filter((ms) => ms === 1_000)).toHaveLength(1)

    const answer = await until('it has rested', () => api(4).catch(() => null), { withinMs: 20_000 })
    expect(answer.quantized).toEqual([4n])
    await expect(api(2 ** 52)).rejects.toMatchObject({ code: 'INFERENCE_HARMFUL', retry: false })
    expect(await code(api(2 ** 52 + 2))).toBe('INFERENCE_FAILED')
    expect(rests()).toContain(2_000)
    // A duty is judged by what duties did.
    const again = inference.run({ model: 'counting', inputs: { x: int64(8) }, priority: 'duty' })
    expect((await again).quantized).toEqual([8n])
  })

  it('stays the one run of its lane when its callers go away', async () => {
    const path = await writeTiny(await tinyFolder(), [tiny.counting(), tiny.doubling()])
    const { inference, workers } = await start(path, { runMs: 1_500 })
    const [pid = 0] = workers
    const gone = Array.from({ length: 20 }, (_, i) => {
      const caller = new AbortController()
      const run = code(
        inference.run({ model: 'counting', inputs: { x: int64(2 ** 52 + 2 * i) }, signal: caller.signal }),
      )
      return { caller, run }
    })
    await busy(pid)
    for (const { caller } of gone) caller.abort()
    expect(new Set(await Promise.all(gone.map(({ run }) => run)))).toEqual(new Set(['INFERENCE_CANCELLED']))
    // A duty waits for one of them at most, not for twenty.
    const began = performance.now()
    const duty = inference.run({ model: 'doubling', inputs: { x: float32([1, 2], 1, 2) }, priority: 'duty' })
    expect((await duty).quantized).toEqual([2n, 4n])
    expect(performance.now() - began).toBeLessThan(10_000)
  })
})

describe('a run that takes too much memory', () => {
  it('is ended, and the others go on', async () => {
    const path = await writeTiny(await tinyFolder(), [tiny.filling(), tiny.doubling()])
    const { inference } = await start(path, { memoryBytes: 600 * 2 ** 20, runMs: 60_000 })
    await expect(
      inference.run({ model: 'filling', inputs: { x: int64(1_500_000_000) } }),
    ).rejects.toMatchObject({
      code: 'INFERENCE_FAILED',
      retry: true,
      message: expect.stringContaining('MiB'),
    })
    expect(await code(inference.run({ model: 'filling', inputs: { x: int64(4) } }))).toBe('INFERENCE_FAILED')
    const other = inference.run({ model: 'doubling', inputs: { x: float32([1, 2], 1, 2) } })
    expect((await other).quantized).toEqual([2n, 4n])
  })
})
