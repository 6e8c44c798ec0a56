import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'
import type { ChainReader } from '../ports/chain.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/log.ts'
import { isLoopback } from '../ports/loopback.ts'

/** All that a start waits for chains that do not answer. */
const ANSWER_MS = 2_000

const memory = z.record(z.string(), z.string())

/**
 * What tells a chain of this machine from an earlier one of the same id: a development chain begins anew whenever it
 * is started, and the index of the old one must not be gone on with. One line a chain, its id and genesis hash.
 *
 * Only chains all of whose providers are on loopback are asked, together, for at most 2 s. The hash of one that does
 * not answer is what `file` remembers, so that a slow start does not throw an index away. A chain that never answered
 * has none; its index begins anew once it does.
 */
export async function chainIdentities(
  options: {
    readonly chains: readonly { readonly id: number; readonly rpc: readonly string[] }[]
    readonly file: string
  },
  modules: { readonly chain: Pick<ChainReader, 'block'>; readonly clock: Clock; readonly log: Logger },
): Promise<readonly string[]> {
  const local = options.chains.filter(({ rpc }) => rpc.every((url) => isLoopback(new URL(url).hostname)))
  if (local.length === 0) return []
  const before = remembered(options.file)
  const known = { ...before }
  const asking = local.map(async ({ id }) => {
    try {
      const genesis = await modules.chain.block(id, 0n)
      if (genesis !== null) known[id] = genesis.hash
    } catch (error) {
      modules.log.debug({ chain: id, err: error }, 'Go on with the genesis that was known')
    }
  })
  await within(Promise.all(asking), modules.clock)
  // A late answer changes nothing any more.
  const now = { ...known }
  if (local.some(({ id }) => now[id] !== before[id])) {
    mkdirSync(dirname(options.file), { recursive: true })
    writeFileSync(options.file, `${JSON.stringify(now)}\n`, { mode: 0o600 })
  }
  return local.flatMap(({ id }) => (now[id] === undefined ? [] : [`${id} ${now[id]}`])).sort()
}

function remembered(file: string): Record<string, string> {
  try {
    return memory.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    // Not there yet, or damaged: the chains tell.
    return {}
  }
}

async function within(work: Promise<unknown>, clock: Clock): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = clock.setTimer(ANSWER_MS, late.resolve)
  await Promise.race([work, late.promise])
  timer.cancel()
}
