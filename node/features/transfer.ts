import type { Hex } from '../ports/chain.ts'

/** A transfer of a token, as its log has it. */
export interface Transfer {
  readonly block: bigint
  /** Unix seconds of the block. */
  readonly timestamp: number
  readonly logIndex: number
  readonly token: Hex
  readonly from: Hex
  readonly to: Hex
  /** Base units of the token. */
  readonly value: bigint
}

/** A transfer that touched an address, as its history keeps it. */
export interface Touch {
  readonly timestamp: number
  readonly incoming: boolean
  /** The other address. */
  readonly other: Hex
  /** Base units, as a double. */
  readonly amount: number
  /** ln(1 + amount). */
  readonly logAmount: number
}

/** How far back a history goes: what is older is as if it had never been. */
export const WINDOW_SECONDS = 7 * 86_400
/** Newest transfers that a history of an address in a token keeps. */
export const ADDRESS_DEPTH = 64
/** Newest transfers that a history of a token keeps. */
export const TOKEN_DEPTH = 256
