import { createServer } from 'node:net'
import type { NodeConfig } from '../config/schema.ts'
import { IyiError } from '../ports/errors.ts'

const MAY_BE_ENDING = ['database.port', 'indexer.port']

/** Somebody listens where this node is to: other programs, or this very node, started before. */
export class PortsTakenError extends IyiError<
  'NODE_PORTS_TAKEN',
  { readonly taken: readonly { readonly key: string; readonly port: number }[] }
> {}

/**
 * Binds and frees every address of a configuration once, so that all that are taken are told together and before
 * anything was started. The embedded database's own port alone is no reason: its last server may be ending just now.
 * @throws PortsTakenError `NODE_PORTS_TAKEN`, with the configuration's keys
 */
export async function requireFreePorts(config: NodeConfig): Promise<void> {
  const wanted = [
    ...(config.database.mode === 'embedded'
      ? [{ key: 'database.port', host: '127.0.0.1', port: config.database.port }]
      : []),
    ...(config.indexer.mode === 'managed'
      ? [{ key: 'indexer.port', host: '127.0.0.1', port: config.indexer.port }]
      : []),
    ...config.network.listen.map((address) => ({ key: 'network.listen', ...tcpOf(address) })),
    { key: 'api.port', host: config.api.host, port: config.api.port },
    { key: 'admin.port', host: config.admin.host, port: config.admin.port },
  ].filter(({ port }) => port !== 0)
  const free = await Promise.all(wanted.map(({ host, port }) => isFree(port, host)))
  const taken = wanted.filter((_, at) => !free[at]).map(({ key, port }) => ({ key, port }))
  if (taken.every(({ key }) => MAY_BE_ENDING.includes(key))) return
  const list = taken.map(({ key, port }) => `${port} (${key})`).join(', ')
  throw new PortsTakenError(
    'NODE_PORTS_TAKEN',
    taken.length > 1 && taken.length === wanted.length
      ? `all ports of this node are taken (${list}): it runs already, it seems; stop that process first, or give these keys of the configuration other ports`
      : `something listens at ${list} already: this node, if it runs already, or other programs. End them, or give these keys of the configuration other ports`,
    { data: { taken } },
  )
}

/** True unless another program listens at that very address. What else is wrong with it, its own server will say. */
export function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'EADDRINUSE'))
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/** `/ip4/127.0.0.1/tcp/9420` -> host and port. */
function tcpOf(multiaddr: string): { host: string; port: number } {
  const [, , host = '', , port = '0'] = multiaddr.split('/')
  return { host, port: Number(port) }
}
