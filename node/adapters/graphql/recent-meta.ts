import type { Clock } from '../../ports/clock.ts'
import type { Meta } from '../../ports/http-schemas.ts'
import { GraphqlFault } from './errors.ts'
import { limits } from './limits.ts'

/**
 * How fresh the index is, read at most once in `limits.metaMs` however many ask: it is read over the connections that the
 * validator works with. An answer that is a little older says less than there is, never more. Who waits longer than until
 * `endsAt`, of the monotonic clock, gets `GRAPHQL_TIMEOUT`.
 */
export function recentMeta({
  read,
  clock,
}: {
  readonly read: () => Promise<Meta>
  readonly clock: Clock
}): (endsAt: number) => Promise<Meta> {
  let last: { readonly at: number; readonly meta: Promise<Meta> } | null = null

  function recent(): Promise<Meta> {
    const at = clock.monotonic()
    if (last !== null && at - last.at < limits.metaMs) return last.meta
    const mine = { at, meta: read() }
    last = mine
    // What failed is read again; one that never ends is not waited for by those who come later.
    mine.meta.catch(() => {
      if (last === mine) last = null
    })
    return mine.meta
  }

  return async (endsAt) => {
    const late = Promise.withResolvers<never>()
    const timer = clock.setTimer(Math.max(0, endsAt - clock.monotonic()), () =>
      late.reject(
        new GraphqlFault(
          'GRAPHQL_TIMEOUT',
          'How fresh the index is takes too long to read. Try again.',
          true,
        ),
      ),
    )
    try {
      return await Promise.race([recent(), late.promise])
    } finally {
      timer.cancel()
    }
  }
}
