import type { Context, Running } from '../../node/kernel/plugin.ts'
import type { Health } from '../../node/ports/health.ts'
import type { ModelInfo } from '../../node/ports/inference.ts'
import type { OracleApi } from './api.ts'
import type { FeedConfig, OracleConfig } from './config.ts'
import { OracleError } from './errors.ts'
import { feedDuty } from './feed-duty.ts'
import type { FeedValue } from './feed-types.ts'
import { type ContractKind, integerOf } from './kinds/contract-kind.ts'
import { kindOf, scalarKindOf } from './kinds/kind-of.ts'
import { vectorKind } from './kinds/vector.ts'
import { modelGate } from './model-gate.ts'
import { rangeWatch } from './range-watch.ts'
import { inputWatch } from './requests/input-watch.ts'
import { requestDuty } from './requests/request-duty.ts'
import { requestInputs } from './requests/request-inputs.ts'
import { requestView } from './requests/request-views.ts'
import type { ServedOracle } from './requests/served-oracle.ts'
import { findRound, latestRound } from './rounds.ts'
import { addFeedRoutes } from './routes/feeds.ts'
import { addInputRoutes } from './routes/inputs.ts'
import { addModelRoutes } from './routes/models.ts'
import { addRequestRoutes } from './routes/requests.ts'
import { addRoundRoutes } from './routes/rounds.ts'
import { roundView } from './routes/schemas.ts'
import type { ServedFeed } from './served-feed.ts'
import { type ModelSourceConfig, modelSource, singleOf } from './sources/model.ts'
import { poolPriceSource } from './sources/pool-price.ts'
import type { FeedSource } from './sources/source.ts'
import { vector } from './values/vector.ts'

/** Events of the stream. */
const ROUND = 'feed.round'
const ANSWERED = 'request.answered'
const RULED = 'request.ruled'

/** What the stream says of an inference oracle's events. */
const TOLD: Readonly<Record<string, string>> = {
  'inference.InferenceAnswered': ANSWERED,
  'inference.DisputeResolved': RULED,
  'inference.DisputeUnresolved': RULED,
}

type Needs =
  | ('chain.read' | 'chain.trust' | 'index.read' | 'events')
  | ('quorum' | 'http.routes' | 'inference' | 'contents')
export type OracleContext = Context<Needs, Record<never, never>, OracleConfig>

export function setup(ctx: OracleContext): Running<OracleApi> {
  const index = ctx.can('index.read')
  const chain = ctx.can('chain.read')
  const trust = ctx.can('chain.trust')
  const inference = ctx.can('inference')
  const contents = ctx.can('contents')
  const routes = ctx.can('http.routes')
  const events = ctx.can('events')

  const modelOf = (source: ModelSourceConfig, decimals: number) =>
    modelSource({ source, decimals }, { index, inference })
  const scalarSource = ({ id, source, decimals }: FeedConfig): FeedSource =>
    source.kind === 'pool-price'
      ? poolPriceSource({ source, decimals }, { index })
      : singleOf(id, modelOf(source, decimals))
  const vectorSource = ({ id, source, decimals }: FeedConfig): FeedSource<readonly bigint[]> => {
    if (source.kind === 'model') return modelOf(source, decimals)
    throw new OracleError('ORACLE_NO_DATA', `vector feed "${id}" has no model: name one`, { feed: id })
  }
  const quorum = ctx.can('quorum')
  function serve<V extends FeedValue>(
    config: FeedConfig,
    kind: ContractKind<V>,
    source: FeedSource<V>,
  ): ServedFeed {
    const watch = rangeWatch({ feed: config.id }, { log: ctx.log, metrics: ctx.metrics })
    const duty = feedDuty(config, kind, {
      chain,
      index,
      trust,
      clock: ctx.clock,
      source,
      checkModel: modelGate(config, ctx.config.registry, { index, inference }),
      watch,
    })
    return { config, duty: quorum.register(duty), withheld: watch.withheld }
  }
  const feeds: readonly ServedFeed[] = ctx.config.feeds.map((config) => {
    const kind = scalarKindOf(config)
    return kind === undefined
      ? serve(config, vectorKind, vectorSource(config))
      : serve(config, kind, scalarSource(config))
  })

  const { keepMinutes, keepAnsweredHours } = ctx.config.inputs
  const inputs = requestInputs(
    { keepMs: keepMinutes * 60_000, keepAnsweredMs: keepAnsweredHours * 3_600_000 },
    { contents, clock: ctx.clock },
  )
  const watch = inputWatch(
    ctx.config.inference.map(({ contract: { chainId, address } }) => ({ chainId, address })),
    { index, inference, inputs, clock: ctx.clock, log: ctx.log },
  )
  const oracles: readonly ServedOracle[] = ctx.config.inference.map((config) => ({
    config,
    duty: quorum.register(
      requestDuty(config, { chain, index, trust, clock: ctx.clock, inference, inputs, log: ctx.log }),
    ),
  }))

  routes.event({
    type: ANSWERED,
    summary: 'a contract got its answer; as `GET /v1/requests` has it',
  })
  routes.event({
    type: RULED,
    summary: 'a dispute over an answer ended; the request as `GET /v1/requests` has it',
  })
  routes.event({
    type: ROUND,
    summary: 'a feed took a round; `feed` is its id, the rest as `GET /v1/feeds/{id}/rounds` has it',
  })
  addFeedRoutes(routes, { feeds, index, clock: ctx.clock })
  addRoundRoutes(routes, { feeds, index, chain })
  addRequestRoutes(routes, { oracles, index, chain })
  if (ctx.config.inputs.accept)
    addInputRoutes(routes, ctx.config.inputs, { oracles, contents, clock: ctx.clock })
  addModelRoutes(routes, { registry: ctx.config.registry, index, inference })

  const subscriptions: { close(): Promise<void> }[] = []
  return {
    api: {
      feeds: feeds.map(({ config }) => config.id),
      async latest(id) {
        const feed = feeds.find(({ config }) => config.id === id)
        const round = feed === undefined ? null : await latestRound(index, feed.config)
        if (feed === undefined || round === null || !('answer' in round)) return null
        const { roundId, answer, observationsTimestamp } = round
        return { feed: id, roundId, answer, decimals: feed.config.decimals, observationsTimestamp }
      },
      async latestVector(id) {
        const feed = feeds.find(({ config }) => config.id === id)
        const round = feed === undefined ? null : await latestRound(index, feed.config)
        if (feed === undefined || round === null || 'answer' in round) return null
        const { roundId, observationsTimestamp } = round
        const answers = vector.ofRow(round)
        return { feed: id, roundId, answers, decimals: feed.config.decimals, observationsTimestamp }
      },
    },
    async start() {
      const byAddress = new Map(
        feeds.map(({ config }) => [
          `${config.contract.chainId}:${config.contract.address.toLowerCase()}`,
          config,
        ]),
      )
      const rounds = await events.subscribe(
        {
          consumer: 'oracle.rounds',
          names: ['feed.ReportTransmitted', 'vector.VectorTransmitted', 'ocr2.NewTransmission'],
          from: 'now',
          stage: 'confirmed',
        },
        async (event) => {
          // The stream tells of rounds as they come; what a deep reorganisation dropped, the tables show.
          if (event.stage === 'reverted') return
          const feed = byAddress.get(`${event.chainId}:${event.address.toLowerCase()}`)
          if (feed === undefined) return
          const { roundEvent, roundIdOf } = kindOf(feed)
          // Somebody may index the same address under another kind.
          const id = event.name === roundEvent ? roundIdOf(event.data) : null
          const round = id === null ? null : await findRound(index, feed, id)
          // Reorganised away since, deeper than what counts as confirmed.
          if (round === null) return
          routes.publish({ type: ROUND, data: { feed: feed.id, ...roundView(round, feed.decimals) } })
        },
      )
      subscriptions.push(rounds)
      if (oracles.length === 0) return
      const answers = await events
        .subscribe(
          {
            consumer: 'oracle.requests',
            names: Object.keys(TOLD),
            from: 'now',
            stage: 'confirmed',
          },
          async (event) => {
            if (event.stage === 'reverted') return
            const oracle = oracles.find(
              ({ config: { contract } }) =>
                contract.chainId === event.chainId &&
                contract.address.toLowerCase() === event.address.toLowerCase(),
            )
            const requestId = integerOf(event.data, 'requestId')
            if (oracle === undefined || requestId === null) return
            const [row] = await index.select({
              table: 'inferenceRequest',
              where: [
                { column: 'chainId', op: '=', value: event.chainId },
                { column: 'requestId', op: '=', value: requestId },
              ],
              limit: 1,
            })
            // Reorganised away since, deeper than what counts as confirmed.
            const type = TOLD[event.name]
            if (row !== undefined && type !== undefined)
              routes.publish({ type, data: requestView(row, oracle.config.id) })
          },
        )
        .catch(async (error: unknown) => {
          // What did not start is not told to stop.
          await rounds.close()
          throw error
        })
      subscriptions.push(answers)
      await watch.start()
    },
    async stop() {
      await Promise.all([watch.stop(), ...subscriptions.map((each) => each.close())])
    },
    health: () => health(feeds, oracles, inference.models()),
  }
}

function health(
  feeds: readonly ServedFeed[],
  oracles: readonly ServedOracle[],
  models: readonly ModelInfo[],
): Health {
  const troubled = feeds.flatMap(({ config, duty, withheld }) => {
    const { dutyId, state, reason } = duty.status()
    const found =
      state === 'running' ? [] : [`${dutyId} is ${state}${reason === undefined ? '' : `: ${reason}`}`]
    const refused = withheld()
    if (refused !== null)
      found.push(
        `${dutyId} does not report ${refused.answer}: its contract takes ${refused.limits.min} to ${refused.limits.max}`,
      )
    if (config.source.kind !== 'model') return found
    const { model: id } = config.source
    const model = models.findLast((candidate) => candidate.id === id)
    if (model === undefined) found.push(`${dutyId} needs model "${id}": add it to the manifest`)
    else if (!model.status.ok) found.push(`${dutyId}: model "${id}" is refused: ${model.status.reason}`)
    return found
  })
  troubled.push(
    ...oracles.flatMap(({ duty }) => {
      const { dutyId, state, reason } = duty.status()
      return state === 'running' ? [] : [`${dutyId} is ${state}${reason === undefined ? '' : `: ${reason}`}`]
    }),
  )
  return troubled.length === 0
    ? { status: 'ok', detail: `${feeds.length} feeds, ${oracles.length} inference oracles` }
    : { status: 'degraded', reason: troubled.join('; ') }
}
