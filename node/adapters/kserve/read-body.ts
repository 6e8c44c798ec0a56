import type { IncomingMessage } from 'node:http'

/** A body that is larger than was allowed, or compressed so that its size says nothing. */
export class TooLarge extends RangeError {}

/** The whole body of a response. Rejects with `TooLarge` as soon as that is known, and when the connection breaks. */
export function readBody(response: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const encoding = response.headers['content-encoding'] ?? 'identity'
    if (encoding !== 'identity') return reject(new TooLarge('is compressed, which was not asked for'))
    const tooLarge = () => new TooLarge(`is larger than ${limit} bytes`)
    if (Number(response.headers['content-length'] ?? 0) > limit) return reject(tooLarge())
    const chunks: Buffer[] = []
    let size = 0
    response.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > limit) reject(tooLarge())
      else chunks.push(chunk)
    })
    response.on('end', () => resolve(Buffer.concat(chunks, size)))
    // Node reports a connection that ended before its answer did as an error of the response.
    response.on('error', reject)
  })
}
