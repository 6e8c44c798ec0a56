import { Random } from '../../../test/quorum/simulation/random.ts'
import { rest, type TortureChain } from '../chain.ts'

/**
 * Work on all chains until it is stopped.
 *
 * @param rounds for which it is to last: a chain that has reached its length has no load and no reorganisation any more
 */
export function startLoad(
  chains: readonly TortureChain[],
  seed: number,
  rounds: number,
): { stop(): Promise<void> } {
  let going = true
  const random = new Random(seed ^ 0x5eed)
  const loops = chains.map(async (chain) => {
    const own = new Random(random.integer(2 ** 31))
    while (going) {
      if (own.chance(0.12)) await chain.reorganise(own)
      else await chain.work(own)
      await rest(own.between(20 * rounds, 200 * rounds))
    }
  })
  const all = Promise.all(loops)
  // Whoever stops it hears of it.
  all.catch(() => {})
  return {
    async stop() {
      going = false
      await all
    },
  }
}
