import { IyiError } from '../ports/errors.ts'

export type QuorumErrorCode =
  /** Two duties with one id. */
  | 'QUORUM_DUPLICATE_DUTY'
  /** Two duties on one contract would share a config digest, and with it their signing slots. */
  | 'QUORUM_DUPLICATE_CONTRACT'
  /** `register` after `start`. */
  | 'QUORUM_ALREADY_STARTED'
  /** The store holds bytes that this engine did not write, or whose certificate does not verify. */
  | 'QUORUM_BAD_SNAPSHOT'
  /** A duty made a report for a contract that it had not named. */
  | 'QUORUM_UNKNOWN_DESTINATION'
  /** The work was dropped because too much of its kind waits. */
  | 'QUORUM_ABORTED'
  /** A signature is not wanted any more: a later one of its kind is. */
  | 'QUORUM_SUPERSEDED'
  /** A duty made a report that has not the form of one. */
  | 'QUORUM_BAD_REPORT'

/** Failures of the engine itself. */
export class QuorumError extends IyiError<QuorumErrorCode, Readonly<Record<string, unknown>>> {}

export type QuorumConfigErrorCode =
  /** Nothing is configured on-chain yet, or not deep enough (retry). */
  | 'QUORUM_CONFIG_NOT_SET'
  /** The contract names a block that does not hold its `ConfigSet` event (retry: a lagging provider or a reorganisation). */
  | 'QUORUM_CONFIG_EVENT_MISSING'
  /** The chain's answer is older than the configuration that this node has already followed (retry: a lagging provider). */
  | 'QUORUM_CONFIG_OUTDATED'
  /** The event's fields do not hash to its config digest. */
  | 'QUORUM_CONFIG_DIGEST_MISMATCH'
  /** `offchainConfigVersion` is not one that this engine speaks. */
  | 'QUORUM_CONFIG_VERSION'
  /** The bytes are not a canonical off-chain configuration. */
  | 'QUORUM_CONFIG_MALFORMED'
  /** The timing parameters contradict one another. */
  | 'QUORUM_CONFIG_TIMING'
  /** A destination has other validators than the duty's own contract. */
  | 'QUORUM_CONFIG_DESTINATION'
  /** This node can't open the shared secret, or it is not the one that the configuration commits to. */
  | 'QUORUM_CONFIG_SECRET'
  /** The lists of oracles are empty, too long, of unequal length, hold doubles, or don't fit `f`. */
  | 'QUORUM_CONFIG_ORACLES'

/** An on-chain configuration that can't be read or must not be followed. */
export class QuorumConfigError extends IyiError<QuorumConfigErrorCode, Readonly<Record<string, unknown>>> {}

export type QuorumCodecErrorCode =
  /** Fewer bytes than the layout needs. */
  | 'QUORUM_CODEC_TRUNCATED'
  /** Bytes after the end. */
  | 'QUORUM_CODEC_TRAILING'
  /** A length or a count above its limit. */
  | 'QUORUM_CODEC_LIMIT'
  /** Unknown protocol version. */
  | 'QUORUM_CODEC_VERSION'
  /** Unknown message kind. */
  | 'QUORUM_CODEC_KIND'
  /** A value that has another, canonical form. */
  | 'QUORUM_CODEC_NOT_CANONICAL'

/** Bytes that are no message of this protocol. Never retried: the same bytes fail again. */
export class QuorumCodecError extends IyiError<QuorumCodecErrorCode, Readonly<Record<string, unknown>>> {}
