import type { ModelDescription } from './description.ts'
import { inputOf, readGoldens } from './goldens.ts'
import { fromUnits, type Rows } from './session.ts'

/**
 * The rows of a model's goldens, each shape a batch of its own that seeded random rows fill up to `count`: one of its
 * goldens' rows, scaled by one factor between 1/2 and 2, and each value by one of its own within 10 %.
 */
export function studyRows(model: ModelDescription, count: number, seed: number): readonly Rows[] {
  const { inputDecimals, cases } = readGoldens(model)
  const next = uniform(seed)
  const golden = cases.flatMap((each) => rowsOf(fromUnits(inputOf(model, each), inputDecimals)))
  return Object.values(Object.groupBy(golden, ({ shape }) => shape.join())).map((alike = []) => {
    const rows = [...alike]
    while (rows.length < count) {
      const like = alike[Math.floor(next() * alike.length)] ?? { shape: [], data: new Float32Array() }
      const factor = 2 ** (2 * next() - 1)
      rows.push({ ...like, data: like.data.map((value) => value * factor * (0.9 + 0.2 * next())) })
    }
    return batchOf(rows)
  })
}

/** A batch cut into batches of at most `size` rows, in order. */
export function inBatches(rows: Rows, size: number): readonly Rows[] {
  const single = rowsOf(rows)
  return Array.from({ length: Math.ceil(single.length / size) }, (_, i) =>
    batchOf(single.slice(i * size, (i + 1) * size)),
  )
}

/** Each row on its own, without its first axis. */
function rowsOf({ shape: [count = 0, ...shape], data }: Rows): readonly Rows[] {
  const size = shape.reduce((product, side) => product * side, 1)
  return Array.from({ length: count }, (_, i) => ({ shape, data: data.slice(i * size, (i + 1) * size) }))
}

function batchOf(rows: readonly Rows[]): Rows {
  const [first] = rows
  const size = first?.data.length ?? 0
  const data = new Float32Array(rows.length * size)
  rows.forEach((row, i) => {
    data.set(row.data, i * size)
  })
  return { shape: [rows.length, ...(first?.shape ?? [])], data }
}

/** Uniform in [0, 1): mulberry32 (Tommy Ettinger). */
function uniform(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
