import { IyiError } from '../../ports/errors.ts'

export type KafkaErrorCode =
  /** The brokers will never take this message. */
  | 'OUTBOX_REFUSED'
  /** No broker answers, or something has to be changed there first: the same call may succeed later. */
  | 'OUTBOX_UNAVAILABLE'
  | 'OUTBOX_CLOSED'

/** What the sink of Kafka rejects with. */
export class KafkaError extends IyiError<KafkaErrorCode, Readonly<Record<string, unknown>>> {}
