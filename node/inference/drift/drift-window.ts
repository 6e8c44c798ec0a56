import type { DriftReading } from '../../ports/inference.ts'
import type { Tensor, Tensors } from '../../ports/tensor.ts'
import { psi } from './psi.ts'
import { binOf } from './quantile-bins.ts'
import { type Distribution, LEAST_VALUES, type Reference } from './reference.ts'

export interface DriftOptions {
  /** About so many rows, the newest ones, are held against the reference. */
  readonly windowRows: number
  /** None that is older counts. */
  readonly windowMs: number
  /** Fewer rows say nothing. */
  readonly leastRows: number
}

/**
 * 500 rows of ten bins: rows of the reference itself, if they do not depend on each other, exceed 0.06 once in a thousand
 * times, since the index times the rows is about chi-square with nine degrees of freedom (Yurdakul, Statistical Properties
 * of Population Stability Index, 2018). So 0.1 is no accident.
 */
export const DRIFT_DEFAULTS: DriftOptions = {
  windowRows: 10_000,
  windowMs: 24 * 3_600_000,
  leastRows: 500,
}

/** The window moves in steps of its width over this. */
const BUCKETS = 20
/** Of a run at most so many values of a tensor are looked at, evenly spread. */
const MOST_VALUES = 1_024

interface Bucket {
  /** By column, one bin after another. */
  readonly counts: Uint32Array
  rows: number
  startedAt: number
}

interface Column {
  readonly kind: DriftReading['kind']
  readonly name: string
  readonly edges: Float64Array
  readonly expected: readonly number[]
  /** Its reference is of enough values. */
  readonly tells: boolean
  /** Where its bins begin. */
  readonly at: number
}

/** A tensor that is looked at. */
interface Watched {
  readonly tensor: string
  readonly columns: readonly Column[]
}

/**
 * What a model was given and gave lately, counted into the bins of its reference. A run costs a search among the edges
 * for each value that is looked at, and allocates nothing; memory is fixed.
 */
export class DriftWindow {
  readonly #options: DriftOptions
  readonly #inputs: readonly Watched[]
  readonly #outputs: readonly Watched[]
  readonly #telling: readonly Column[]
  readonly #bins: number
  /** Oldest first; the last one is being filled. */
  readonly #buckets: Bucket[] = []
  readonly #spare: Bucket[] = []
  #runs = 0

  constructor(reference: Reference, options: DriftOptions) {
    let at = 0
    const watched = (kind: Column['kind']) => (distribution: Distribution) => ({
      tensor: distribution.tensor,
      columns: distribution.columns.map(({ name, edges, counts }) => {
        const tells = counts.reduce((sum, count) => sum + count) >= LEAST_VALUES
        const column = { kind, name, edges: Float64Array.from(edges, Number), expected: counts, tells, at }
        at += counts.length
        return column
      }),
    })
    this.#options = options
    this.#inputs = reference.inputs.map(watched('input'))
    this.#outputs = reference.outputs.map(watched('output'))
    this.#telling = [...this.#inputs, ...this.#outputs]
      .flatMap(({ columns }) => columns)
      .filter(({ tells }) => tells)
    this.#bins = at
  }

  /**
   * Counts a run.
   *
   * @param rows how many rows it had that do not depend on each other
   * @param now milliseconds, never going back
   */
  observe(inputs: Tensors, outputs: Tensors, rows: number, now: number): void {
    const bucket = this.#bucket(now)
    const run = this.#runs++
    let stride = 1
    for (const watched of this.#inputs) stride = Math.max(stride, count(watched, inputs, bucket, run))
    for (const watched of this.#outputs) stride = Math.max(stride, count(watched, outputs, bucket, run))
    // Of what was sampled, the sample counts.
    bucket.rows += Math.ceil(rows / stride)
  }

  /** How many rows there are, and the index of each column whose reference tells; no index while there are too few. */
  read(now: number): { readonly rows: number; readonly readings: readonly DriftReading[] } {
    this.#expire(now)
    const rows = this.#buckets.reduce((sum, bucket) => sum + bucket.rows, 0)
    if (rows < this.#options.leastRows) return { rows, readings: [] }
    const total = new Float64Array(this.#bins)
    for (const { counts } of this.#buckets)
      for (let i = 0; i < total.length; i++) total[i] = (total[i] ?? 0) + (counts[i] ?? 0)
    const readings = this.#telling.map(({ kind, name, expected, at }) => ({
      ...{ kind, name },
      psi: psi(expected, total.subarray(at, at + expected.length)),
    }))
    return { rows, readings }
  }

  /** The bucket that is being filled. */
  #bucket(now: number): Bucket {
    const { windowRows, windowMs } = this.#options
    const last = this.#buckets.at(-1)
    if (last !== undefined && last.rows < windowRows / BUCKETS && now - last.startedAt < windowMs / BUCKETS)
      return last
    this.#expire(now)
    while (this.#buckets.length >= BUCKETS) this.#drop()
    const next = this.#spare.pop() ?? { counts: new Uint32Array(this.#bins), rows: 0, startedAt: 0 }
    next.startedAt = now
    this.#buckets.push(next)
    return next
  }

  #expire(now: number): void {
    while ((this.#buckets[0]?.startedAt ?? now) < now - this.#options.windowMs) this.#drop()
  }

  #drop(): void {
    const oldest = this.#buckets.shift()
    if (oldest === undefined) return
    oldest.counts.fill(0)
    oldest.rows = 0
    this.#spare.push(oldest)
  }
}

/** Counts a tensor's values; the answer is how many there were for each one that was looked at. */
function count({ tensor, columns }: Watched, tensors: Tensors, { counts }: Bucket, run: number): number {
  const data = numbersOf(tensors[tensor])
  if (data === null) return 1
  const width = columns.length
  const records = Math.floor(data.length / width)
  const stride = Math.max(1, Math.ceil((records * width) / MOST_VALUES))
  // Begins elsewhere each time, as what is looked at must not always be the same place of a row.
  for (let record = run % stride; record < records; record += stride)
    for (let i = 0; i < width; i++) {
      const column = columns[i]
      if (column === undefined) continue
      const bin = column.at + binOf(column.edges, Number(data[record * width + i]))
      counts[bin] = (counts[bin] ?? 0) + 1
    }
  return stride
}

function numbersOf(tensor: Tensor | undefined): ArrayLike<number | bigint> | null {
  if (tensor === undefined || tensor.type === 'string') return null
  if (tensor.type !== 'float16') return tensor.data
  const { buffer, byteOffset, length } = tensor.data
  return new Float16Array(buffer, byteOffset, length)
}
