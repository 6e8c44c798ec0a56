/** Upper bounds of everything a peer can send, in bytes or items. Equal on every validator: they are part of the protocol. */
export interface QuorumLimits {
  readonly query: number
  readonly observation: number
  readonly outcome: number
  /** Reports of one outcome. */
  readonly reports: number
}

/** OCR2 contracts and the `rawVs` word hold no more. */
export const MAX_ORACLES = 31

/** The limits of protocol version 1. */
export const QUORUM_LIMITS: QuorumLimits = {
  query: 256 * 1024,
  observation: 256 * 1024,
  outcome: 1024 * 1024,
  reports: 16,
}
