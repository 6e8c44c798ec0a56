import { createHash } from 'node:crypto'
import type { GoldenCase } from '../../../inference/goldens.ts'
import { halfFloats } from '../../../inference/quantize.ts'
import { elementsOf, type Tensor, type TensorPort, type Tensors, tensorTypes } from '../../../ports/tensor.ts'

/**
 * Seeded inputs near a model's goldens, the same for the same goldens everywhere: the shapes of one of them, each number
 * between the least and the greatest of its column (the last axis, where the manifest fixes it), texts among theirs.
 */
export function drawInputs(
  ports: readonly TensorPort[],
  goldens: readonly GoldenCase[],
  { count, seed }: { readonly count: number; readonly seed: number },
): readonly Tensors[] {
  return Array.from({ length: count }, (_, i) => {
    const draw = uniform(`${seed} ${i}`)
    const like = goldens[Math.floor(draw() * goldens.length)]?.inputs ?? {}
    return Object.fromEntries(
      ports.flatMap(({ name, shape }) => {
        const tensor = like[name]
        if (tensor === undefined) return []
        const seen = goldens.flatMap(({ inputs }) => inputs[name] ?? [])
        return [[name, drawn(tensor, seen, shape.at(-1) ?? null, draw)]]
      }),
    )
  })
}

function drawn(
  { type, shape }: Tensor,
  seen: readonly Tensor[],
  columns: number | null,
  draw: () => number,
): Tensor {
  const count = elementsOf(shape)
  if (type === 'string') {
    const texts = seen.flatMap((tensor) => (tensor.type === 'string' ? tensor.data : []))
    return {
      type,
      shape,
      data: Array.from({ length: count }, () => texts[Math.floor(draw() * texts.length)] ?? ''),
    }
  }
  const width = columns ?? 1
  const [least, most] = [Array<number>(width).fill(Infinity), Array<number>(width).fill(-Infinity)]
  for (const tensor of seen)
    for (const [at, value] of numbersOf(tensor).entries()) {
      least[at % width] = Math.min(least[at % width] ?? value, value)
      most[at % width] = Math.max(most[at % width] ?? value, value)
    }
  const isWhole = !type.startsWith('float')
  const values = Array.from({ length: count }, (_, at) => {
    const [from, to] = [least[at % width] ?? 0, most[at % width] ?? 0]
    return isWhole ? from + Math.floor(draw() * (to - from + 1)) : from + draw() * (to - from)
  })
  if (type === 'int64') return { type, shape, data: BigInt64Array.from(values, BigInt) }
  if (type === 'float16') return { type, shape, data: new Uint16Array(Float16Array.from(values).buffer) }
  return { type, shape, data: tensorTypes[type].array.from(values) } as Tensor
}

function numbersOf(tensor: Tensor): readonly number[] {
  if (tensor.type === 'string') return []
  if (tensor.type === 'float16') return Array.from(halfFloats(tensor.data))
  return Array.from(tensor.data as Iterable<number | bigint>, Number)
}

/** Uniform in [0, 1): 32 bits each of SHA-256 over the seed and a counter. */
function uniform(seed: string): () => number {
  let [block, at] = [Buffer.alloc(0), 0]
  return () => {
    if (at % 8 === 0) block = createHash('sha256').update(`${seed} ${at}`).digest()
    return block.readUInt32LE((at++ % 8) * 4) / 2 ** 32
  }
}
