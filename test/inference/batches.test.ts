import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { joinRows, splitRows } from '../../node/inference/batch.ts'
import type { Tensors } from '../../node/ports/tensor.ts'
import { returns, shipped, start } from './fixture.ts'
import { int64, tinyFolder, writeTiny } from './tiny-fixture.ts'
import { tiny } from './tiny-set.ts'

describe('batches on the real runtime', () => {
  it('answer each as it is answered alone, within tolerance', async () => {
    const { inference, metrics } = await start(`${shipped}manifest.json`, { maxBatchDelayMs: 20 })
    const inputs = Array.from({ length: 60 }, (_, seed) =>
      returns([1 + (seed % 3), 2, 360], (i) => Math.sin(i * (seed + 1)) * 1e-3),
    )
    const run = (each: Tensors) => inference.run({ model: 'volatility', inputs: each })
    const together = await Promise.all(inputs.map(run))
    const { sum, count } = histogram((await metrics.expose()).body)
    expect(sum / count).toBeGreaterThan(2)
    for (const [i, each] of inputs.entries()) {
      const alone = await run(each)
      for (const [j, value] of alone.quantized.entries()) {
        const gap = Number(value - (together[i]?.quantized[j] ?? 0n))
        expect(Math.abs(gap)).toBeLessThanOrEqual(Math.max(20, Number(value) * 1e-4))
      }
    }
  })

  it('a request that fails does not take the others with it', async () => {
    const path = await writeTiny(await tinyFolder(), [tiny.lookup()])
    const { inference } = await start(path, { maxBatchDelayMs: 50 })
    const runs = [0, 1, 99, 2, 3].map((at) => inference.run({ model: 'lookup', inputs: { x: int64(at) } }))
    const results = await Promise.allSettled(runs)
    expect(
      results.map((result) => (result.status === 'fulfilled' ? result.value.quantized : result.reason.code)),
    ).toEqual([[10n], [20n], 'INFERENCE_FAILED', [30n], [40n]])
  })
})

describe('rows', () => {
  const part = fc.integer({ min: 1, max: 5 }).chain((rows) =>
    fc.record({
      a: fc.float32Array({ minLength: rows * 3, maxLength: rows * 3 }),
      b: fc.array(fc.string(), { minLength: rows, maxLength: rows }),
      rows: fc.constant(rows),
    }),
  )

  it('that are joined come apart as they were', () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
        const tensors = parts.map(
          ({ a, b, rows }): Tensors => ({
            a: { type: 'float32', shape: [rows, 3], data: a },
            b: { type: 'string', shape: [rows], data: b },
          }),
        )
        const counts = parts.map(({ rows }) => rows)
        expect(splitRows(joinRows(tensors), counts)).toEqual(tensors)
        expect(splitRows(joinRows(tensors), [...counts, 1])).toBe(null)
      }),
    )
  })
})

function histogram(exposed: string): { sum: number; count: number } {
  const value = (what: string) =>
    Number(new RegExp(`iyi_inference_batch_rows_${what}\\{model="volatility"\\} (\\d+)`).exec(exposed)?.[1])
  return { sum: value('sum'), count: value('count') }
}
