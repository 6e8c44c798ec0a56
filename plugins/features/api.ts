import { apiToken } from '../../node/kernel/plugin.ts'
import type { Address, Hex } from '../../node/ports/chain.ts'

/** A transfer with what a model is told of it. */
export interface FeaturedTransfer {
  readonly chainId: number
  readonly token: Address
  readonly blockNumber: bigint
  readonly blockHash: Hex
  readonly logIndex: number
  readonly transactionHash: Hex
  /** Unix seconds of the block. */
  readonly timestamp: number
  readonly from: Address
  readonly to: Address
  /** Base units of the token. */
  readonly value: bigint
  /** Of the features: `FEATURES_VERSION` of `node/features`. */
  readonly version: number
  /** In the order of `FEATURES` of `node/features`. */
  readonly features: Float32Array
  /** Null where nothing scored it, or not yet. */
  readonly score: { readonly value: number; readonly model: string; readonly digest: Hex } | null
}

/** What other plugins may ask the feature store. Rejects with `FeatureStoreError` and `StoreError`. */
export interface FeaturesApi {
  /** One transfer by its log. */
  transfer(place: {
    readonly chainId: number
    readonly transactionHash: Hex
    readonly logIndex: number
  }): Promise<FeaturedTransfer>
}

export const featuresToken = apiToken<FeaturesApi>('features')
