import { KafkaError } from './errors.ts'

/** The protocol's names of what a record is refused for: it alone, and the list that it came in. */
const REFUSED = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD'])

/** What stands between the node and its topic, by the protocol's names. */
const REMEDIES: Readonly<Record<string, string>> = {
  UNKNOWN_TOPIC_OR_PARTITION: 'there is no such topic: make it, or set createTopic',
  TOPIC_AUTHORIZATION_FAILED: 'the user may not write to the topic: let it',
  CLUSTER_AUTHORIZATION_FAILED:
    'the user may not write idempotently: let it (IdempotentWrite on the cluster)',
  SASL_AUTHENTICATION_FAILED: 'the brokers do not know this user and password: check them',
  UNSUPPORTED_SASL_MECHANISM: 'the brokers log in by other means: correct the mechanism',
  NOT_ENOUGH_REPLICAS: 'too few replicas are in sync: see the brokers',
}

/** What a failure of the library means for the relay, in words for the operator. */
export function meaningOf(cause: unknown, at: { readonly topic: string; readonly key?: string }): KafkaError {
  if (cause instanceof KafkaError) return cause
  const errors = flat(cause)
  const refusal = errors.map(apiIdOf).find((id) => REFUSED.has(id))
  if (refusal !== undefined) {
    return new KafkaError(
      'OUTBOX_REFUSED',
      `Kafka refuses the message ${at.key ?? ''}: ${refusal}. Raise max.message.bytes of the topic, then retry it.`,
      { data: at, cause },
    )
  }
  const known = errors.map(apiIdOf).find((id) => Object.hasOwn(REMEDIES, id))
  const text =
    known === undefined
      ? `Kafka does not answer: ${saidOf(errors)}. The node goes on by itself when it does.`
      : `Kafka does not store in "${at.topic}": ${REMEDIES[known]}.`
  return new KafkaError('OUTBOX_UNAVAILABLE', text, { data: at, retry: true, cause })
}

/** The library wraps errors in errors, several at once; outermost first. */
function flat(error: unknown): readonly Error[] {
  const found: Error[] = []
  const queue = [error]
  while (queue.length > 0 && found.length < 50) {
    const next = queue.shift()
    if (!(next instanceof Error) || found.includes(next)) continue
    found.push(next)
    queue.push(...(next instanceof AggregateError ? next.errors : []), next.cause)
  }
  return found
}

const apiIdOf = (error: Error): string => ('apiId' in error ? String(error.apiId) : '')

/** The innermost says most. */
function saidOf(errors: readonly Error[]): string {
  const texts = [...new Set(errors.map(({ message }) => message).filter((text) => text !== ''))]
  return texts.at(-1) ?? 'no reason was given'
}
