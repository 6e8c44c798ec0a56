import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** All that a devnet takes from its base on, and what a test takes between its parts. */
const BLOCK = 130

/** First port of a block that is free on loopback now; below the range from which systems hand out ports themselves. */
export async function freePortBase(): Promise<number> {
  for (;;) {
    const base = 15_000 + randomInt(120) * BLOCK
    const validators = [0, 1, 2, 3, 4, 5, 6]
    const each = (first: number) => validators.map((at) => first + at)
    const wanted = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...each(10), ...each(50), ...each(90), ...each(100)]
    const free = await Promise.all(wanted.map((offset) => isFree(base + offset)))
    if (free.every(Boolean)) return base
  }
}

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}
