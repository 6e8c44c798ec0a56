import type { ModelDescription } from '../tools/description.ts'

/** Volatility over four horizons; README.md is its card, and holds the figures that the tolerance comes from. */
export const volatilityTerm: ModelDescription = {
  id: 'volatility-term',
  version: '1.0.0',
  opset: 17,
  input: { name: 'log_returns', type: 'float32', shape: [null, 3, 360] },
  output: { name: 'volatility', type: 'float32', shape: [null, 4], decimals: 8 },
  batched: true,
  preprocessing: [
    { op: 'window', tensor: 'log_returns', size: 361, barSeconds: 10 },
    { op: 'log-return', tensor: 'log_returns' },
  ],
  tolerance: { absolute: '20', relativePpm: 200 },
  inputDecimals: 7,
}
