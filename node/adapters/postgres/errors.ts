import { IyiError } from '../../ports/errors.ts'

export type PostgresErrorCode =
  | 'POSTGRES_BINARIES_MISSING'
  | 'POSTGRES_NO_ACCOUNT'
  | 'POSTGRES_DIR_UNREACHABLE'
  | 'POSTGRES_DIR_IN_USE'
  | 'POSTGRES_DIR_FOREIGN'
  | 'POSTGRES_INIT_FAILED'
  | 'POSTGRES_PORT_TAKEN'
  | 'POSTGRES_START_FAILED'
  | 'POSTGRES_START_TIMEOUT'

/** What stops the embedded server from running. `data` holds paths, pids and ports; never the password. */
export class PostgresError extends IyiError<PostgresErrorCode, Readonly<Record<string, unknown>>> {}

export type DatabaseErrorCode =
  | 'DATABASE_BAD_OPTIONS'
  | 'DATABASE_UNAVAILABLE'
  | 'DATABASE_REFUSED'
  | 'DATABASE_LOCKED'
  | 'DATABASE_LOCK_LOST'
  | 'DATABASE_MIGRATION_CHANGED'
  | 'DATABASE_BAD_STATEMENT'
  | 'DATABASE_CLOSED'
  | 'EXPORT_NOT_YET'
  | 'EXPORT_IN_THE_WAY'

/** A failure of the node's own database. */
export class DatabaseError extends IyiError<DatabaseErrorCode, Readonly<Record<string, unknown>>> {}

export type StoreErrorCode = 'STORE_UNAVAILABLE' | 'STORE_BAD_STATEMENT' | 'STORE_MIGRATION_CHANGED'

/** What the `Store` and `QuorumStore` ports reject with. */
export class StoreError extends IyiError<StoreErrorCode, Readonly<Record<string, unknown>>> {}

export type SignerErrorCode =
  | 'SIGNER_SLOT_CONFLICT'
  | 'SIGNER_SLOT_PASSED'
  | 'SIGNER_UNAVAILABLE'
  | 'SIGNER_BAD_SLOT'

/** What `GuardedSigner` rejects with. */
export class SignerError extends IyiError<SignerErrorCode, Readonly<Record<string, unknown>>> {}

export type SigningHistoryErrorCode =
  | 'SIGNING_HISTORY_NO_FILE'
  | 'SIGNING_HISTORY_BAD_FILE'
  | 'SIGNING_HISTORY_BAD_VERSION'
  | 'SIGNING_HISTORY_BAD_CHECKSUM'
  | 'SIGNING_HISTORY_NO_KEYS'
  | 'SIGNING_HISTORY_EMPTY'
  | 'SIGNING_HISTORY_UNEXPORTABLE'
  | 'SIGNING_HISTORY_FOREIGN_KEY'
  | 'SIGNING_HISTORY_CONFLICT'
  | 'SIGNING_HISTORY_WEAKER'
  | 'SIGNING_HISTORY_RETIRED'
  | 'SIGNING_HISTORY_INTERRUPTED'

/** Why a signing history is not exported or imported, or why it lets no node start. */
export class SigningHistoryError extends IyiError<
  SigningHistoryErrorCode,
  Readonly<Record<string, unknown>>
> {}

export type EventLogErrorCode =
  | 'EVENTS_CONSUMER_BUSY'
  | 'EVENTS_BAD_OPTIONS'
  | 'EVENTS_STOPPED'
  | 'EVENTS_UNAVAILABLE'
  | 'EVENTS_MOVED'
  | 'EVENTS_UNKNOWN'
  | 'EVENTS_INDEX_STALE'

/** What the event log rejects with. */
export class EventLogError extends IyiError<EventLogErrorCode, Readonly<Record<string, unknown>>> {}

export type OutboxAdminErrorCode =
  | 'OUTBOX_UNKNOWN'
  /** A block was given of a source that has none. */
  | 'OUTBOX_NO_BLOCKS'

/** What the verbs of the outbox reject with. */
export class OutboxAdminError extends IyiError<OutboxAdminErrorCode, Readonly<Record<string, unknown>>> {}
