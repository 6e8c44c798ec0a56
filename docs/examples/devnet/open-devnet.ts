import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DevnetDescription } from '../../../node/devnet/description.ts'

/**
 * The running devnet, one of its feeds and that feed's chain. Without them, or with a feed of another shape (one number or
 * several), the example ends, with one line that says why.
 */
export async function openDevnet(path: string, feedId: string, shape: 'number' | 'vector' | 'any' = 'any') {
  const devnet = await readDevnet(path)
  const feed = devnet.feeds.find((entry) => entry.id === feedId)
  const chain = devnet.chains.find((entry) => entry.id === feed?.chainId)
  if (feed === undefined || chain === undefined)
    return end(`no feed ${feedId}; there are ${devnet.feeds.map(({ id }) => id).join(', ')}`)
  if (shape === 'number' && feed.labels !== null)
    return end(`${feedId} is a feed of several numbers: take read-vector`)
  if (shape === 'vector' && feed.labels === null)
    return end(`${feedId} is a feed of one number: take read-feed`)
  return { devnet, feed, chain }
}

/** The running devnet; the example ends, with one line that says why, where there is none. */
export async function readDevnet(path: string): Promise<DevnetDescription> {
  try {
    const devnet: DevnetDescription = JSON.parse(readFileSync(path, 'utf8'))
    for (const { rpc } of devnet.chains) await fetch(rpc, { method: 'POST', body: '{}' })
    return devnet
  } catch {
    return end(`no devnet at ${dirname(path)}: run npm start`)
  }
}

/** Ends the example with exit code 1. */
export function end(line: string): never {
  process.stderr.write(`${line}\n`)
  process.exit(1)
}
