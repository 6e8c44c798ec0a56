import { tradeSignal } from '../trade-signal/model.ts'
import { transferRisk } from '../transfer-risk/model.ts'
import { volatility } from '../volatility/model.ts'
import { volatilityTerm } from '../volatility-term/model.ts'
import type { ModelDescription } from './description.ts'

/** Every model that ships, in the order of manifest.json. */
export const shippedModels: readonly ModelDescription[] = [
  volatility,
  transferRisk,
  volatilityTerm,
  tradeSignal,
]
