import type { encodeOnchainConfig, FeedRules } from '../../plugins/oracle/contract-config.ts'
import type { RequestRules } from '../../plugins/oracle/requests/request-rules.ts'
import type { TimingParameters } from '../quorum/offchain-config.ts'

type OnchainConfig = Parameters<typeof encodeOnchainConfig>[0]

/** A feed of the devnet: how its contract is configured and how fast its validators work. */
export interface DevnetFeed {
  readonly id: string
  readonly contractName: string
  readonly description: string
  readonly decimals: number
  readonly model: string | null
  /** Of a feed of several numbers: what tells them apart. Null for a feed of one. */
  readonly labels: readonly bigint[] | null
  /** A second contract, on the second chain, gets its reports too. */
  readonly mirrored: boolean
  readonly onchain: Omit<OnchainConfig, 'modelDigest'>
  /** Without a tolerance of its own a feed takes its model's, and the rule of agreement always. */
  readonly rules: Omit<FeedRules, 'toleranceAbsolute' | 'tolerancePpm' | 'agreement'> &
    Partial<Pick<FeedRules, 'toleranceAbsolute' | 'tolerancePpm'>>
  readonly timing: TimingParameters
}

// Fast, for one machine and one-second blocks: a leader that dies is replaced within seconds.
const timing: TimingParameters = {
  deltaProgress: 4_000,
  deltaResend: 2_000,
  deltaInitial: 3_000,
  deltaRound: 1_000,
  deltaGrace: 150,
  deltaStage: 4_000,
  rMax: 100,
}

export const devnetFeeds: readonly DevnetFeed[] = [
  {
    id: 'iyi-usd-price',
    contractName: 'IyiUsdPriceFeed',
    description: 'IYI / USD, liquidity-weighted over the pools of both chains',
    decimals: 8,
    model: null,
    labels: null,
    mirrored: true,
    onchain: { minAnswer: 1_000n, maxAnswer: 10n ** 14n, heartbeatSeconds: 60 },
    rules: {
      deviationPpm: 500,
      reportIntervalSeconds: 20,
      toleranceAbsolute: 10n,
      tolerancePpm: 2_000,
      maxPinAgeSeconds: 30,
      inFlightSeconds: 8,
    },
    timing,
  },
  {
    id: 'iyi-usd-volatility-1h',
    contractName: 'IyiUsdVolatilityFeed',
    description: 'IYI / USD, forecast volatility of the next hour by a neural network',
    decimals: 8,
    model: 'volatility',
    labels: null,
    mirrored: false,
    onchain: { minAnswer: 1n, maxAnswer: 10n ** 9n, heartbeatSeconds: 120 },
    rules: { deviationPpm: 50_000, reportIntervalSeconds: 30, maxPinAgeSeconds: 30, inFlightSeconds: 8 },
    timing: { ...timing, deltaRound: 2_000, deltaProgress: 6_000 },
  },
  {
    id: 'iyi-usd-volatility-term',
    contractName: 'IyiUsdVolatilityTermFeed',
    description: 'IYI / USD, forecast volatility by horizon in seconds, by a neural network',
    decimals: 8,
    model: 'volatility-term',
    labels: [300n, 900n, 3_600n, 14_400n],
    mirrored: false,
    onchain: { minAnswer: 1n, maxAnswer: 10n ** 9n, heartbeatSeconds: 240 },
    rules: { deviationPpm: 100_000, reportIntervalSeconds: 60, maxPinAgeSeconds: 30, inFlightSeconds: 8 },
    // The network is 400 times the other one; but its inputs change with every bar of 10 seconds, so most rounds find its
    // answer in the cache.
    timing: { ...timing, deltaRound: 4_000, deltaProgress: 8_000 },
  },
]

/** The contract of the devnet that other contracts ask for answers of models. */
export const devnetInference: {
  readonly id: string
  readonly description: string
  readonly rules: RequestRules
  readonly timing: TimingParameters
} = {
  id: 'questions',
  description: 'Answers of the models in the registry that have a price',
  rules: {
    maxPinAgeSeconds: 30,
    inFlightSeconds: 12,
    retrySeconds: 10,
    maxRequests: 8,
    maxCallbackGas: 4_000_000,
  },
  timing: { ...timing, deltaProgress: 6_000 },
}
