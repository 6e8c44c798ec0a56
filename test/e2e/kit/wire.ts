import { connect, createServer, type Socket } from 'node:net'

/** A TCP wire from a port of its own to another one; it can be cut and joined again. */
export interface Wire {
  readonly port: number
  /** Tears what is open, and refuses what comes. */
  cut(): void
  /** Keeps what is open and takes what comes, and lets no byte through. */
  stall(): void
  /** What stalled is torn: its bytes are gone. */
  heal(): void
  close(): Promise<void>
}

/** `port` 0 takes any. */
export async function wire(port: number, target: number): Promise<Wire> {
  let state: 'whole' | 'cut' | 'stalled' = 'whole'
  const open = new Set<Socket>()
  const keep = (socket: Socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => socket.destroy())
  }
  const tear = () => {
    for (const socket of open) socket.resetAndDestroy()
  }
  const server = createServer((near) => {
    keep(near)
    if (state === 'cut') {
      near.resetAndDestroy()
      return
    }
    // Nobody reads what it sends.
    if (state === 'stalled') return
    const far = connect({ host: '127.0.0.1', port: target })
    keep(far)
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: '127.0.0.1', port }, resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a wire without a port')
  return {
    port: address.port,
    cut() {
      state = 'cut'
      tear()
    },
    stall() {
      state = 'stalled'
      for (const socket of open) socket.unpipe().pause()
    },
    heal() {
      if (state === 'stalled') tear()
      state = 'whole'
    },
    async close() {
      tear()
      if (server.listening) await new Promise((resolve) => server.close(resolve))
    },
  }
}
