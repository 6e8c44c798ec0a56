import { JetStreamApiError } from '@nats-io/jetstream'
import { errors } from '@nats-io/transport-node'
import { NatsError } from './errors.ts'

/** JetStream's own number: larger than the stream's `max_msg_size`. */
const TOO_LARGE = 10_054

/** What a failure of the library means for the relay, in words for the operator. */
export function meaningOf(
  cause: unknown,
  at: { readonly stream: string; readonly subject?: string; readonly key?: string },
): NatsError {
  if (cause instanceof NatsError) return cause
  const said = cause instanceof Error ? cause.message : String(cause)
  if (
    (cause instanceof JetStreamApiError && cause.code === TOO_LARGE) ||
    (cause instanceof errors.InvalidArgumentError && said.includes('max_payload'))
  ) {
    return new NatsError(
      'OUTBOX_REFUSED',
      `NATS refuses the message ${at.key ?? ''}: ${said}. Raise max_payload of the server and max_msg_size of the stream, then retry it.`,
      { data: at, cause },
    )
  }
  return new NatsError('OUTBOX_UNAVAILABLE', textOf(cause, said, at.stream), {
    data: at,
    retry: true,
    cause,
  })
}

function textOf(cause: unknown, said: string, stream: string): string {
  if (cause instanceof errors.AuthorizationError || cause instanceof errors.PermissionViolationError)
    return `NATS refuses the node: ${said}. Check the credentials and what they may publish.`
  if (cause instanceof errors.TimeoutError)
    return `NATS does not acknowledge in time. Is the stream "${stream}" well?`
  if (cause instanceof errors.NoRespondersError || /jetstream is not enabled|no responders/i.test(said))
    return `No stream takes the subject: make "${stream}" (nats stream add) or set createStream, and see that JetStream is enabled.`
  if (cause instanceof JetStreamApiError)
    return `NATS does not store: ${said} (${cause.code}). See the stream "${stream}".`
  if (cause instanceof Error && 'syscall' in cause && cause.syscall === 'open')
    return `A file for NATS can't be read: ${said}.`
  return `NATS does not answer: ${said}. The node goes on by itself when it does.`
}
