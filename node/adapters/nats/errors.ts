import { IyiError } from '../../ports/errors.ts'

export type NatsErrorCode =
  /** The broker will never take this message. */
  | 'OUTBOX_REFUSED'
  /** The broker does not answer, or something has to be changed there first: the same call may succeed later. */
  | 'OUTBOX_UNAVAILABLE'
  | 'OUTBOX_CLOSED'

/** What the sink of NATS rejects with. */
export class NatsError extends IyiError<NatsErrorCode, Readonly<Record<string, unknown>>> {}
