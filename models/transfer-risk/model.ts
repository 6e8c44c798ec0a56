import { FEATURES, FEATURES_VERSION } from '../../node/features/transfer-features.ts'
import type { ModelDescription } from '../tools/description.ts'

/** Risk that a transfer is part of an abusive pattern; README.md is its card. */
export const transferRisk: ModelDescription = {
  id: 'transfer-risk',
  version: '1.0.0',
  opset: 17,
  input: { name: 'features', type: 'float32', shape: [null, FEATURES.length] },
  output: { name: 'risk', type: 'float32', shape: [null, 1], decimals: 6 },
  batched: true,
  features: { set: 'transfer', version: FEATURES_VERSION },
  preprocessing: [],
  request: { decimals: 6 },
  tolerance: { absolute: '20', relativePpm: 100 },
  inputDecimals: 6,
}
