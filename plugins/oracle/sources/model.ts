import type { IndexReader } from '../../../node/ports/index-reader.ts'
import type { Inference, ModelInfo } from '../../../node/ports/inference.ts'
import type { FeedConfig } from '../config.ts'
import { OracleError } from '../errors.ts'
import { livePins } from './live-pins.ts'
import { BAR_SECONDS, poolReturns } from './pool-returns.ts'
import type { FeedSource } from './source.ts'

export type ModelSourceConfig = Extract<FeedConfig['source'], { kind: 'model' }>

const INPUT = 'log_returns'

/**
 * The output of a model, fed with the log returns of every pool over the window that its input shape asks for, [1, pools,
 * window]. A model of a fixed number of pools gets fewer ones again from the first on until it has as many.
 * The window ends with the newest bar that is closed on every pinned chain that goes on: a closed bar never changes, so
 * all validators build the same tensor.
 */
export function modelSource(
  options: { source: ModelSourceConfig; decimals: number },
  modules: { index: IndexReader; inference: Inference },
): FeedSource<readonly bigint[]> {
  const { model: id, pools, maxChainLagSeconds, minTradedBars } = options.source
  const mismatch = (what: string) =>
    new OracleError('ORACLE_MODEL_MISMATCH', `model "${id}" ${what}`, { model: id })

  return {
    async observe(query, modelDigest) {
      // Of several versions the one that the contract names, whichever is the newest.
      const model = modules.inference.models().find(({ digest }) => digest === modelDigest)
      const shape = shapeOf(model)
      if (model === undefined || shape === null)
        throw mismatch(`takes no "${INPUT}" of shape [batch, pools, window]`)
      if (model.quantization.decimals !== options.decimals)
        throw mismatch(
          `answers with ${model.quantization.decimals} decimals, the feed with ${options.decimals}: correct the feed`,
        )
      const { window } = shape
      const pins = livePins(query, maxChainLagSeconds)
      const oldest = Math.min(...pins.map((pin) => pin.timestamp))
      const end = oldest - (oldest % BAR_SECONDS)
      const histories = await Promise.all(
        pools.flatMap((pool) => {
          const pin = pins.find((candidate) => candidate.chainId === pool.chainId)
          return pin === undefined ? [] : [poolReturns(modules.index, pool, { pin, end, window })]
        }),
      )
      const traded = histories.reduce((total, history) => total + history.tradedBars, 0)
      if (traded < minTradedBars)
        throw new OracleError(
          'ORACLE_NO_DATA',
          `the pools traded in ${traded} bars of the window, the feed asks for ${minTradedBars}: a still market says nothing`,
          { traded, minTradedBars },
          { retry: true },
        )
      const rows = shape.pools ?? histories.length
      if (histories.length > rows)
        throw mismatch(`takes ${rows} pools and the feed has ${histories.length}: name fewer`)
      const data = new Float32Array(rows * window)
      for (let at = 0; at < rows; at++) data.set(histories[at % histories.length]?.returns ?? [], at * window)
      const { quantized } = await modules.inference.run({
        model: modelDigest,
        priority: 'duty',
        inputs: { [INPUT]: { type: 'float32', shape: [1, rows, window], data } },
      })
      return quantized
    },
  }
}

/** For a feed of one number: the only element of a vector. Rejects with `ORACLE_MODEL_MISMATCH` where there are others. */
export function singleOf(feed: string, source: FeedSource<readonly bigint[]>): FeedSource {
  return {
    async observe(query, modelDigest) {
      const [value, ...others] = await source.observe(query, modelDigest)
      if (value !== undefined && others.length === 0) return value
      throw new OracleError(
        'ORACLE_MODEL_MISMATCH',
        `the model of feed "${feed}" gives ${value === undefined ? 'no' : others.length + 1} numbers a row and its contract takes one: report to an OracleVectorFeed`,
        { feed },
      )
    },
  }
}

/** `pools` null: any number of them. Null: no such input. */
function shapeOf(model: ModelInfo | undefined): { pools: number | null; window: number } | null {
  const [, pools = null, window = null, ...more] =
    model?.inputs.find(({ name }) => name === INPUT)?.shape ?? []
  return window === null || more.length > 0 ? null : { pools, window }
}
