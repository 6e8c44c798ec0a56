import type { OutboxMessage } from '../ports/outbox.ts'

/**
 * Cuts messages into parts for one call each: at most `maxBytes` of bodies, unless one alone is larger, and never through
 * the messages of one number, so that the cursor can move after each part.
 */
export function chunksOf(
  messages: readonly OutboxMessage[],
  { maxBytes, maxMessages }: { readonly maxBytes: number; readonly maxMessages: number },
): readonly (readonly OutboxMessage[])[] {
  const chunks: OutboxMessage[][] = []
  let chunk: OutboxMessage[] = []
  let bytes = 0
  for (const group of bySeq(messages)) {
    const size = group.reduce((sum, { body }) => sum + Buffer.byteLength(JSON.stringify(body)), 0)
    if (chunk.length > 0 && (bytes + size > maxBytes || chunk.length + group.length > maxMessages)) {
      chunks.push(chunk)
      chunk = []
      bytes = 0
    }
    chunk.push(...group)
    bytes += size
  }
  if (chunk.length > 0) chunks.push(chunk)
  return chunks
}

function bySeq(messages: readonly OutboxMessage[]): readonly (readonly OutboxMessage[])[] {
  const groups: OutboxMessage[][] = []
  for (const message of messages) {
    const last = groups.at(-1)
    if (last?.[0]?.seq === message.seq) last.push(message)
    else groups.push([message])
  }
  return groups
}
