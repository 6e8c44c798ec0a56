import type { Clock, Timer } from '../../ports/clock.ts'
import { IndexError } from './errors.ts'
import type { Position } from './positions.ts'

/** Often enough for a duty to act right after its block, and one cheap statement for all who wait. */
const pollMs = 50

interface Waiter {
  readonly chainId: number
  readonly block: bigint
  settle(outcome: IndexError | null): void
}

/** Lets callers wait until a chain's position reaches a block. Polls only while somebody waits. */
export function positionWaiter({
  clock,
  positions,
}: {
  clock: Clock
  positions(): Promise<readonly Position[]>
}): { wait(chainId: number, block: bigint, timeoutMs: number): Promise<void>; stop(): void } {
  const waiters = new Set<Waiter>()
  const indexed = new Map<number, bigint>()
  let timer: Timer | null = null
  let polling = false
  let stopped = false

  async function poll(): Promise<void> {
    timer?.cancel()
    polling = true
    // A database that does not answer is waited for like a block that is not there.
    const found = await positions().catch(() => [])
    polling = false
    for (const { chainId, block } of found) indexed.set(chainId, block)
    for (const waiter of waiters) {
      if (found.some(({ chainId, block }) => chainId === waiter.chainId && block >= waiter.block))
        waiter.settle(null)
    }
    if (waiters.size > 0 && !stopped) timer = clock.setTimer(pollMs, () => void poll())
  }

  return {
    wait(chainId, block, timeoutMs) {
      if (stopped) return Promise.reject(gone())
      return new Promise((resolve, reject) => {
        const waiter: Waiter = {
          chainId,
          block,
          settle(outcome) {
            deadline.cancel()
            waiters.delete(waiter)
            if (outcome === null) resolve()
            else reject(outcome)
          },
        }
        const deadline = clock.setTimer(timeoutMs, () =>
          waiter.settle(behind(waiter, indexed.get(chainId) ?? null)),
        )
        waiters.add(waiter)
        if (!polling) void poll()
      })
    },
    stop() {
      stopped = true
      timer?.cancel()
      for (const waiter of waiters) waiter.settle(gone())
    },
  }
}

function behind({ chainId, block }: Waiter, indexed: bigint | null): IndexError {
  return new IndexError(
    'INDEX_BEHIND',
    `Block ${block} of chain ${chainId} was not indexed in time. Try again; if it goes on, look at the indexer's log.`,
    { data: { chainId, block, indexed }, retry: true },
  )
}

function gone(): IndexError {
  return new IndexError('INDEX_UNAVAILABLE', 'The index reader has stopped. Ask the running node.', {
    data: { reason: 'stopped' },
    retry: true,
  })
}
