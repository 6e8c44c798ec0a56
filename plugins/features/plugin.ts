import type { Context, Running } from '../../node/kernel/plugin.ts'
import type { ChainEvent, Subscription } from '../../node/ports/events.ts'
import type { Health } from '../../node/ports/health.ts'
import type { FeaturedTransfer, FeaturesApi } from './api.ts'
import type { FeaturesConfig, TokenConfig } from './config.ts'
import { type FollowedToken, findTransfer, unknownToken } from './find.ts'
import { instruments } from './instruments.ts'
import { migrations } from './migrations.ts'
import { lower, readEvent } from './read-event.ts'
import { recentBlocks } from './recent-blocks.ts'
import { transferView } from './routes/schemas.ts'
import { addTokenRoutes } from './routes/tokens.ts'
import { addTransferRoutes } from './routes/transfers.ts'
import { takeBack, takeIn } from './take-in.ts'
import { Worker } from './worker.ts'

/** Event of the stream. */
const FLAGGED = 'features.flagged'
/** The stream tells of what happens now: not of what an index reads that catches up. */
const LIVE_SECONDS = 600

type Needs = 'chain.read' | 'index.read' | 'events' | 'http.routes' | 'store' | 'inference'
export type FeaturesContext = Context<Needs, Record<never, never>, FeaturesConfig>

export function setup(ctx: FeaturesContext): Running<FeaturesApi> {
  const { config, clock, log } = ctx
  const { retentionDays } = config
  const [store, events, routes] = [ctx.can('store'), ctx.can('events'), ctx.can('http.routes')]
  const [index, chain, inference] = [ctx.can('index.read'), ctx.can('chain.read'), ctx.can('inference')]
  const told = instruments(ctx.metrics)
  /** Contracts whose events were no transfers, and what those had instead. */
  const unreadable = new Map<string, string>()
  /** By contract, a consumer each: one that is named later is told of its past too. */
  const subscriptions = new Map<string, Subscription>()

  routes.event({
    type: FLAGGED,
    summary:
      'a transfer of the last ten minutes was scored at the threshold or above; as `GET /v1/features/transfers` has it, with `reverted` true where a reorganisation took it back since',
  })
  const isFlagged = (score: number | null) => score !== null && score >= (config.score?.threshold ?? Infinity)
  const isLive = ({ timestamp }: { timestamp: number }) => clock.now() / 1000 - timestamp <= LIVE_SECONDS

  const worker = new Worker(
    { model: config.score?.model ?? null, retentionDays },
    {
      ...{ store, inference, clock, log, told },
      onScored: (transfers) => {
        for (const transfer of transfers)
          if (isFlagged(transfer.score?.value ?? null) && isLive(transfer)) flag(transfer, false)
      },
    },
  )

  function flag(transfer: FeaturedTransfer, reverted: boolean): void {
    routes.publish({ type: FLAGGED, data: { ...transferView(transfer), reverted } })
  }

  async function take(event: ChainEvent, token: TokenConfig): Promise<void> {
    const transfer = readEvent(event, token)
    if (transfer === null) {
      const { contract, from, to, value } = token
      if (!unreadable.has(contract))
        log.warn({ contract, event: event.key }, 'Leave out an event that is no transfer')
      unreadable.set(contract, `${from}, ${to} and ${value}`)
      told.unreadable(1)
      return
    }
    if (event.stage !== 'reverted') {
      const tokenId = await takeIn(store, transfer, { contract: token.contract, retentionDays })
      if (tokenId === null) return
      told.takenIn(1)
      worker.touch(tokenId)
      return
    }
    const back = await takeBack(store, transfer)
    if (back === null) return
    told.takenBack(1)
    worker.touch(back.tokenId)
    if (back.transfer !== null && isFlagged(back.transfer.score?.value ?? null) && isLive(transfer))
      flag(back.transfer, true)
  }

  async function reached({ contract, chainId, address }: FollowedToken): Promise<bigint | null> {
    if (config.tokens.every((token) => token.contract !== contract)) throw unknownToken(chainId, address)
    return (await subscriptions.get(contract)?.reached(chainId)) ?? null
  }

  addTransferRoutes(routes, { store, index, retentionDays })
  addTokenRoutes(routes, {
    store,
    index,
    chain: recentBlocks({ chain, index, clock }),
    reached,
    retentionDays,
  })

  return {
    api: {
      transfer: ({ transactionHash, ...place }) =>
        findTransfer(store, { ...place, transactionHash: lower(transactionHash), retentionDays }),
    },
    async start() {
      await store.migrate(migrations)
      await worker.start()
      for (const token of config.tokens) {
        const { contract } = token
        const options = { consumer: `features.${contract}`, names: [eventOf(token)], from: 'start' } as const
        const subscription = await events.subscribe({ ...options, stage: 'seen' }, (event) =>
          take(event, token),
        )
        subscriptions.set(contract, subscription)
      }
    },
    async stop() {
      await Promise.all([...subscriptions.values()].map((each) => each.close()))
      await worker.stop()
    },
    health: () => healthOf(worker.trouble(), unreadable, config.tokens.length),
  }
}

function healthOf(trouble: string | null, unreadable: ReadonlyMap<string, string>, tokens: number): Health {
  const reasons = [...unreadable].map(
    ([contract, names]) =>
      `events of ${contract} are left out: they have no ${names} of a transfer; set from, to and value of this token to the names in its ABI`,
  )
  if (trouble !== null) reasons.push(`features or scores are late: ${trouble}`)
  if (reasons.length === 0) return { status: 'ok', detail: `${tokens} contracts of tokens` }
  return { status: 'degraded', reason: reasons.join('; ') }
}

const eventOf = ({ contract }: TokenConfig) => `custom.${contract}.Transfer`
