import { createHash } from 'node:crypto'
import type { Contents } from '../../node/ports/content.ts'
import { ContentError } from '../../node/ports/content-error.ts'

const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const bare = (hash: string) => hash.replace(/^0x/, '')

/** The `Contents` port in memory. */
export function memoryContents(): Contents & {
  /** Hashes that somebody wanted of others. */
  readonly asked: readonly string[]
  /** What was said to be needed, and until when. */
  readonly kept: readonly (readonly [string, number])[]
  /** Others have it from now on. */
  elsewhere(bytes: Uint8Array): void
  lose(hash: string): void
} {
  const here = new Map<string, Uint8Array>()
  const others = new Map<string, Uint8Array>()
  const asked: string[] = []
  const kept: [string, number][] = []
  return {
    asked,
    kept,
    elsewhere: (bytes) => void others.set(hashOf(bytes), bytes),
    lose: (hash) => void here.delete(bare(hash)),
    async put(bytes, { keepMs }) {
      here.set(hashOf(bytes), bytes)
      return { hash: hashOf(bytes), size: bytes.length, keptUntil: 1_700_000_000_000 + keepMs }
    },
    held: () => [...here.keys()],
    sizeOf: (hash) => here.get(hash)?.length ?? null,
    read: async (hash) => here.get(hash) ?? null,
    async fetch(hash, { maxBytes }) {
      const own = here.get(hash)
      if (own !== undefined) return own
      asked.push(hash)
      const found = others.get(hash)
      if (found === undefined || found.length > maxBytes)
        throw new ContentError('CONTENT_UNAVAILABLE', 'nobody has it', { hash })
      here.set(hash, found)
      return found
    },
    keep: (hash, untilMs) => void kept.push([hash, untilMs]),
  }
}
