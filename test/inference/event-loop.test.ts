import { monitorEventLoopDelay } from 'node:perf_hooks'
import { expect, it } from 'vitest'
import { start } from './fixture.ts'
import { float32, int64, tinyFolder, writeTiny } from './tiny-fixture.ts'
import { tiny } from './tiny-set.ts'

it('the node goes on while a heavy model computes', async () => {
  const path = await writeTiny(await tinyFolder(), [tiny.counting(), tiny.doubling()])
  const { inference } = await start(path, { runMs: 60_000 })
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const began = performance.now()
  delay.enable()
  const heavy = inference.run({ model: 'counting', inputs: { x: int64(400_000) } })
  const waiting = inference.run({ model: 'doubling', inputs: { x: float32([1, 2], 1, 2) } })
  await Promise.all([heavy, waiting])
  delay.disable()
  const tookMs = performance.now() - began
  const p99Ms = delay.percentile(99) / 1e6
  process.stderr.write(`heavy run ${tookMs.toFixed(0)} ms, event loop p99 ${p99Ms.toFixed(2)} ms\n`)
  // On this thread it would be the whole of it.
  expect(tookMs).toBeGreaterThan(300)
  expect(p99Ms).toBeLessThan(100)
  expect(delay.max / 1e6).toBeLessThan(tookMs / 2)
})
