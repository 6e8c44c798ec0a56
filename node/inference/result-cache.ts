import { createHash } from 'node:crypto'
import { bytesOf, type Tensor, type Tensors } from '../ports/tensor.ts'

/** Inputs above this are not looked up: hashing them would hold up the event loop. */
const MAX_HASHED_BYTES = 64 * 1024
/** What an entry costs beside its numbers. */
const ENTRY_BYTES = 512

/** SHA-256 of names, types, shapes and elements; null for inputs that are too large to be worth it. */
export function inputDigest(inputs: Tensors): string | null {
  if (bytesOf(inputs) > MAX_HASHED_BYTES) return null
  const hash = createHash('sha256')
  for (const name of Object.keys(inputs).sort()) {
    const { type, shape, data } = inputs[name] as Tensor
    hash.update(JSON.stringify([name, type, shape]))
    if (type === 'string') hash.update(JSON.stringify(data))
    else hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  }
  return hash.digest('base64')
}

/** Answers by model and input, the least recently used dropped first. */
export class ResultCache {
  readonly #maxBytes: number
  readonly #entries = new Map<string, { readonly outputs: Tensors; readonly bytes: number }>()
  #bytes = 0

  /** @param maxBytes 0: keep nothing */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get(key: string): Tensors | null {
    const found = this.#entries.get(key)
    if (found === undefined) return null
    // Behind all others: a map gives its entries in the order in which they were set.
    this.#entries.delete(key)
    this.#entries.set(key, found)
    return copyOf(found.outputs)
  }

  set(key: string, outputs: Tensors): void {
    const bytes = bytesOf(outputs) + ENTRY_BYTES
    if (bytes > this.#maxBytes / 8) return
    this.#drop(key)
    this.#entries.set(key, { outputs: copyOf(outputs), bytes })
    this.#bytes += bytes
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes) break
      this.#drop(oldest)
    }
  }

  /** Drops every answer whose key begins so. */
  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#drop(key)
  }

  #drop(key: string): void {
    const found = this.#entries.get(key)
    if (found === undefined) return
    this.#entries.delete(key)
    this.#bytes -= found.bytes
  }
}

/** A caller may write into what it was given, or gave; what is kept stays as it was. */
export function copyOf(tensors: Tensors): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [
      name,
      { ...tensor, data: tensor.data.slice() } as Tensor,
    ]),
  )
}
