import { joinRows, rowSignature, rowsOf, splitRows } from '../../inference/batch.ts'
import { distance, quantizeTensor } from '../../inference/quantize.ts'
import type { OpenModel } from '../../ports/inference-backend.ts'
import type { Tensors } from '../../ports/tensor.ts'
import { cpuBackend, quiet } from './verify.ts'

/** What the order of sums may change, as a part of the largest answer; more is another answer. */
const NOISE = { float16: 500n, other: 100_000n } as const

/**
 * How far apart, in quantised units, the same inputs are answered with one thread and with two, alone and, where rows may
 * be put together, in company: a floor for the tolerance, as other machines differ by more.
 */
export async function measureGap(
  of: {
    readonly id: string
    readonly version: string
    readonly output: { readonly name: string; readonly type: string }
    readonly decimals: number
    readonly batched: boolean
  },
  bytes: Uint8Array,
  cases: readonly Tensors[],
): Promise<bigint> {
  const quantized = (outputs: Tensors): readonly bigint[] => {
    const answer = outputs[of.output.name]
    return answer === undefined ? [] : quantizeTensor(answer, of.decimals)
  }
  const ways: Answers[] = []
  const inCompany: Answers[] = []
  for (const threads of [1, 2]) {
    const backend = cpuBackend(threads, quiet())
    await backend.start()
    try {
      const { id, version } = of
      const model = await backend.open({ id, version, digest: '0x', bytes }, 'cpu')
      const alone: (readonly bigint[])[] = []
      for (const inputs of cases) alone.push(quantized(await model.run(inputs)))
      ways.push(alone)
      if (of.batched) inCompany.push(await together(model, cases, alone, quantized))
    } finally {
      await backend.stop()
    }
  }
  const [first = []] = ways
  const zeros = first.map((values) => values.map(() => 0n))
  const noise = widestOf([first], zeros) / NOISE[of.output.type === 'float16' ? 'float16' : 'other']
  const company = widestOf(inCompany, first)
  const alone = widestOf(ways, first)
  // Rows that depend on each other are no noise: the verification shall find them, not the tolerance hide them.
  return company <= noise && company > alone ? company : alone
}

type Answers = readonly (readonly bigint[])[]

function widestOf(ways: readonly Answers[], from: Answers): bigint {
  let widest = 0n
  for (const way of ways)
    for (const [i, values] of way.entries())
      for (const [j, value] of values.entries()) {
        const gap = distance(value, from[i]?.[j] ?? value)
        if (gap > widest) widest = gap
      }
  return widest
}

/** Each answered in company of itself; what can't be taken apart is left to the verification to tell. */
async function together(
  model: OpenModel,
  cases: readonly Tensors[],
  alone: Answers,
  quantized: (outputs: Tensors) => readonly bigint[],
): Promise<Answers> {
  const answers: (readonly bigint[])[] = []
  for (const [i, inputs] of cases.entries()) {
    const fellows = cases.filter((other) => rowSignature(other) === rowSignature(inputs))
    const parts = [inputs, ...fellows, inputs]
    const outputs = await model.run(joinRows(parts))
    const split = splitRows(
      outputs,
      parts.map((part) => rowsOf(part) ?? 1),
    )
    answers.push(split === null ? (alone[i] ?? []) : quantized(split.at(-1) ?? {}))
  }
  return answers
}
