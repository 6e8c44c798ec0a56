import { MARKET_FEATURES, MARKET_FEATURES_VERSION } from '../../node/features/market-features.ts'
import type { ModelDescription } from '../tools/description.ts'

/** Probability that the mid rises over half an hour, and what acting on it gains after costs; README.md is its card. */
export const tradeSignal: ModelDescription = {
  id: 'trade-signal',
  version: '1.0.0',
  opset: 17,
  input: { name: 'features', type: 'float32', shape: [null, MARKET_FEATURES.length] },
  output: { name: 'signal', type: 'float32', shape: [null, 2], decimals: 6 },
  batched: true,
  features: { set: 'market', version: MARKET_FEATURES_VERSION },
  preprocessing: [],
  request: { decimals: 6 },
  tolerance: { absolute: '20', relativePpm: 100 },
  inputDecimals: 6,
}
