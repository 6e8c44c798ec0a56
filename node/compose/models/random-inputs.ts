import { createHash } from 'node:crypto'
import type { OnnxPort } from '../../inference/onnx-file.ts'
import { elementsOf } from '../../ports/tensor.ts'

export const INPUT_DECIMALS = 6

/** Inputs of one golden, as its file has them: numbers are integers of `INPUT_DECIMALS` decimals. */
export type GoldenInputs = Readonly<
  Record<
    string,
    { readonly shape: readonly number[]; readonly values: readonly number[] | readonly string[] }
  >
>

/**
 * The same for the same ports, everywhere: floats in [-1, 1], whole numbers and booleans 0 or 1, texts of one letter.
 * Dynamic sizes are 1, 2, 3, 1, ... by case.
 */
export function randomInputs(ports: readonly OnnxPort[], count: number): readonly GoldenInputs[] {
  return Array.from({ length: count }, (_, i) =>
    Object.fromEntries(
      ports.map(({ name, type, shape }) => {
        const sizes = shape.map((size) => size ?? 1 + (i % 3))
        const draws = Array.from({ length: elementsOf(sizes) }, draw(`${i} ${name}`))
        return [name, { shape: sizes, values: draws.map((value) => inputOf(type, value)) as number[] }]
      }),
    ),
  )
}

function inputOf(type: string, draw: number): number | string {
  if (type === 'string') return String.fromCharCode(97 + (draw % 26))
  if (type.startsWith('float')) return (draw % (2 * 10 ** INPUT_DECIMALS + 1)) - 10 ** INPUT_DECIMALS
  return (draw % 2) * 10 ** INPUT_DECIMALS
}

/** Numbers of 32 bits: SHA-256 of the seed and a counter, eight of each. */
function draw(seed: string): (_: unknown, at: number) => number {
  let block = Buffer.alloc(0)
  return (_, at) => {
    if (at % 8 === 0) block = createHash('sha256').update(`${seed} ${at}`).digest()
    return block.readUInt32LE((at % 8) * 4)
  }
}
