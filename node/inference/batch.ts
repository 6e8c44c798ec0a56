import { elementsOf, type Tensor, type Tensors, tensorTypes } from '../ports/tensor.ts'

/** How many rows a run of a batched model has: the first size of its inputs, which must all be equal; null otherwise. */
export function rowsOf(inputs: Tensors): number | null {
  let rows: number | null = null
  for (const name in inputs) {
    const first = inputs[name]?.shape[0]
    if (first === undefined || (rows !== null && first !== rows)) return null
    rows = first
  }
  return rows
}

/** Equal for runs that may be put together: the same sizes but for the first. */
export function rowSignature(inputs: Tensors): string {
  return Object.keys(inputs)
    .sort()
    .map((name) => `${name}[${inputs[name]?.shape.slice(1)}]`)
    .join()
}

/** Puts runs of equal `rowSignature` together, one behind the other. */
export function joinRows(parts: readonly Tensors[]): Record<string, Tensor> {
  const [first] = parts
  if (first === undefined) return {}
  return Object.fromEntries(
    Object.entries(first).map(([name, { type, shape }]) => {
      const tensors = parts.map((part) => part[name] as Tensor)
      const rows = tensors.reduce((sum, tensor) => sum + (tensor.shape[0] ?? 0), 0)
      const joined = [rows, ...shape.slice(1)]
      if (type === 'string')
        return [name, { type, shape: joined, data: tensors.flatMap(({ data }) => data as string[]) }]
      const data = new tensorTypes[type].array(elementsOf(joined)) as Float32Array
      let at = 0
      for (const tensor of tensors) {
        data.set(tensor.data as Float32Array, at)
        at += tensor.data.length
      }
      return [name, { type, shape: joined, data } as Tensor]
    }),
  )
}

/**
 * Takes the outputs of joined runs apart again; null when an output does not have a row for each, so that nobody can say
 * whose is whose.
 */
export function splitRows(outputs: Tensors, counts: readonly number[]): Record<string, Tensor>[] | null {
  const total = counts.reduce((sum, count) => sum + count, 0)
  const parts: Record<string, Tensor>[] = counts.map(() => ({}))
  for (const [name, { type, shape, data }] of Object.entries(outputs)) {
    if (shape[0] !== total) return null
    const size = data.length / total
    let at = 0
    for (const [i, count] of counts.entries()) {
      const part = data.slice(at * size, (at + count) * size)
      Object.assign(parts[i] ?? {}, { [name]: { type, shape: [count, ...shape.slice(1)], data: part } })
      at += count
    }
  }
  return parts
}
