import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * A free port on loopback for a second Ponder beside the first. Ponder looks for a free one by itself, but not reliably on
 * the loopback interface: it may end with EADDRINUSE, again and again.
 */
export async function secondPort(): Promise<number> {
  const server = createServer().listen({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
