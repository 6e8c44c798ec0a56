import type { Hex } from '../../../node/ports/chain.ts'
import type { IndexReader } from '../../../node/ports/index-reader.ts'
import type { Inference } from '../../../node/ports/inference.ts'
import type { PoolConfig } from '../config.ts'
import { OracleError } from '../errors.ts'
import { logReturns } from './log-returns.ts'
import type { FeedSource } from './source.ts'

/** Length of the indexer's price bars. */
const BAR_SECONDS = 10
const INPUT = 'log_returns'

/**
 * Feeds a model with the log returns of every pool over the window that its input shape asks for, [1, pools, window].
 * The window ends with the newest bar that is closed on every pinned chain: a closed bar never changes, so all
 * validators build the same tensor.
 */
export function modelSource(
  options: { model: string; pools: readonly PoolConfig[]; decimals: number },
  modules: { index: IndexReader; inference: Inference },
): FeedSource {
  const info = () => modules.inference.models().find((model) => model.id === options.model)

  async function returnsOf(pool: PoolConfig, end: number, window: number): Promise<Float32Array> {
    const first = BigInt(end - (window + 1) * BAR_SECONDS)
    const ofPool = [
      { column: 'chainId', op: '=', value: pool.chainId },
      { column: 'pool', op: '=', value: pool.address.toLowerCase() as Hex },
    ] as const
    const [inside, before] = await Promise.all([
      modules.index.select({
        table: 'poolBar',
        where: [
          ...ofPool,
          { column: 'start', op: '>', value: first },
          { column: 'start', op: '<', value: BigInt(end) },
        ],
        orderBy: [{ column: 'start', direction: 'asc' }],
        limit: window,
      }),
      modules.index.select({
        table: 'poolBar',
        where: [...ofPool, { column: 'start', op: '<=', value: first }],
        orderBy: [{ column: 'start', direction: 'desc' }],
        limit: 1,
      }),
    ])
    const returns = logReturns(
      [...before, ...inside].map((bar) => ({ start: Number(bar.start), close: bar.close })),
      end,
      { window, barSeconds: BAR_SECONDS, invert: pool.base === 'token1' },
    )
    if (returns === null)
      throw new OracleError(
        'ORACLE_NO_DATA',
        `pool ${pool.address} on chain ${pool.chainId} has less than ${window * BAR_SECONDS} s of history`,
        { chainId: pool.chainId, pool: pool.address },
        { retry: true },
      )
    return returns
  }

  return {
    async observe(query) {
      const model = info()
      const shape = model?.inputs.find((input) => input.name === INPUT)?.shape
      const window = shape?.[2]
      if (model === undefined || shape?.length !== 3 || window == null)
        throw new OracleError(
          'ORACLE_MODEL_MISMATCH',
          `model "${options.model}" takes no "${INPUT}" of shape [batch, pools, window]`,
          { model: options.model },
        )
      if (model.quantization.decimals !== options.decimals)
        throw new OracleError(
          'ORACLE_MODEL_MISMATCH',
          `model "${options.model}" answers with ${model.quantization.decimals} decimals, the feed with ${options.decimals}`,
          { model: options.model },
        )
      const oldest = Math.min(...query.pins.map((pin) => pin.timestamp))
      const end = oldest - (oldest % BAR_SECONDS)
      const rows = await Promise.all(options.pools.map((pool) => returnsOf(pool, end, window)))
      const data = new Float32Array(rows.length * window)
      rows.forEach((row, at) => {
        data.set(row, at * window)
      })
      const { quantized } = await modules.inference.run({
        model: options.model,
        inputs: { [INPUT]: { type: 'float32', shape: [1, rows.length, window], data } },
      })
      const [value] = quantized
      if (value === undefined || quantized.length !== 1)
        throw new OracleError(
          'ORACLE_MODEL_MISMATCH',
          `model "${options.model}" must give one number a row`,
          {
            model: options.model,
          },
        )
      return value
    },
  }
}
