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
 * Feeds a model with the log returns of every pool over the window that its input shape asks for, [1, pools, window].
 * The window ends with the newest bar that is closed on every pinned chain that goes on: a closed bar never changes, so
 * all validators build the same tensor.
 */
export function modelSource(
  options: { source: ModelSourceConfig; decimals: number },
  modules: { index: IndexReader; inference: Inference },
): FeedSource {
  const { model: id, pools, maxChainLagSeconds, minTradedBars } = options.source
  const mismatch = (what: string) =>
    new OracleError('ORACLE_MODEL_MISMATCH', `model "${id}" ${what}`, { model: id })

  return {
    async observe(query, modelDigest) {
      // Of several versions the one that the contract names, whichever is the newest.
      const model = modules.inference.models().find(({ digest }) => digest === modelDigest)
      const window = windowOf(model)
      if (model === undefined || window === null)
        throw mismatch(`takes no "${INPUT}" of shape [batch, pools, window]`)
      if (model.quantization.decimals !== options.decimals)
        throw mismatch(
          `answers with ${model.quantization.decimals} decimals, the feed with ${options.decimals}: correct the feed`,
        )
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
      const data = new Float32Array(histories.length * window)
      histories.forEach(({ returns }, at) => {
        data.set(returns, at * window)
      })
      const { quantized } = await modules.inference.run({
        model: modelDigest,
        priority: 'duty',
        inputs: { [INPUT]: { type: 'float32', shape: [1, histories.length, window], data } },
      })
      const [value] = quantized
      if (value === undefined || quantized.length !== 1) throw mismatch('must give one number a row')
      return value
    },
  }
}

function windowOf(model: ModelInfo | undefined): number | null {
  const shape = model?.inputs.find((input) => input.name === INPUT)?.shape
  return shape?.length === 3 ? (shape[2] ?? null) : null
}
