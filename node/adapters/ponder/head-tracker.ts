import type { BlockRef, ChainReader } from '../../ports/chain.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { ChainFreshness } from '../../ports/index-reader.ts'
import type { Logger } from '../../ports/log.ts'

type Seen = Pick<ChainFreshness, 'head' | 'finalized'>

interface ChainState {
  head: BlockRef | null
  finalized: bigint | null
  failing: boolean
}

const nothing: Seen = { head: null, finalized: null }

/** Follows every chain's head by polling. A chain that does not answer keeps what was last seen of it. */
export function headTracker(
  options: { readonly pollMs: number; afterPoll(): Promise<void> },
  {
    chain,
    clock,
    log,
  }: { chain: Pick<ChainReader, 'chains' | 'head' | 'finalized'>; clock: Clock; log: Logger },
): { of(chainId: number): Seen; start(): void; stop(): Promise<void> } {
  const states = new Map<number, ChainState>()
  let timer: Timer | null = null
  let running: Promise<void> | null = null
  let stopped = false

  async function poll(): Promise<void> {
    await Promise.all(chain.chains().map(({ id, name }) => pollChain(id, name)))
    await options.afterPoll()
  }

  async function pollChain(id: number, name: string): Promise<void> {
    const state = states.get(id) ?? { head: null, finalized: null, failing: false }
    states.set(id, state)
    try {
      const head = await chain.head(id)
      // Finality moves with the head only, so a still chain costs one request a poll.
      if (head.hash !== state.head?.hash) state.finalized = (await chain.finalized(id)).number
      state.head = head
      if (state.failing) log.info({ chain: name }, 'Follow the head again')
      state.failing = false
    } catch (error) {
      if (!state.failing) log.warn({ chain: name, err: error }, 'Fail to follow the head, keep trying')
      state.failing = true
    }
  }

  function loop(): void {
    running = poll().then(() => {
      running = null
      if (!stopped) timer = clock.setTimer(options.pollMs, loop)
    })
  }

  return {
    of(chainId) {
      const state = states.get(chainId)
      if (state === undefined) return nothing
      const { head, finalized } = state
      return {
        head: head === null ? null : { number: head.number, hash: head.hash, timestamp: head.timestamp },
        finalized,
      }
    },
    start: loop,
    async stop() {
      stopped = true
      timer?.cancel()
      await running
    },
  }
}
