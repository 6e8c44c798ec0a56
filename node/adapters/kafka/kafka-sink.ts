import { readFile } from 'node:fs/promises'
import {
  Connection,
  instancesChannel,
  ProduceAcks,
  Producer,
  type SASLOptions,
  stringSerializers,
} from '@platformatic/kafka'
import type { Logger } from '../../ports/log.ts'
import type { OutboxMessage, OutboxSink } from '../../ports/outbox.ts'
import { KafkaError } from './errors.ts'
import { meaningOf } from './failures.ts'

export interface KafkaSinkOptions {
  /** Shown in the brokers' logs and quotas. */
  readonly name: string
  readonly brokers: readonly string[]
  readonly topic: string
  /** Lets the brokers make the topic where there is none. */
  readonly createTopic: boolean
  readonly mechanism?: 'plain' | 'scram-sha-256' | 'scram-sha-512' | undefined
  readonly user?: string | undefined
  /** Read anew for each connection, as all files. */
  readonly passwordFile?: string | undefined
  readonly tls: boolean
  readonly caFile?: string | undefined
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
  /** So long the brokers may take to answer; 10,000 when absent. */
  readonly timeoutMs?: number
}

const CONNECT_TIMEOUT_MS = 5_000
/** Tries within one call, by which the brokers recognise what they have; the relay tries further. */
const RETRIES = 2
/** "Has none yet", as the protocol says it (KIP-360). The library would say 0, which is somebody else's. */
const NO_PRODUCER = { producerId: -1n, producerEpoch: -1 }

// A connection tells of its failure more than once, as when the socket of a refused login is reset later, and the library
// listens once. An error event that nobody hears would end the process; what matters of it the call has told by then.
instancesChannel.subscribe((created: unknown) => {
  const instance =
    typeof created === 'object' && created !== null && 'instance' in created && created.instance
  if (instance instanceof Connection) instance.on('error', () => {})
})

type StringProducer = Producer<string, string, string, string>

/**
 * Publishes to a topic as an idempotent producer, acknowledged by all replicas in sync. A lane is the message's key, so it
 * stays in one partition and in order; the idempotency key is the header `iyi-key`. The producer is made when it is
 * needed, and anew after each failure: its own memory of what it sent is of no use to a call that comes again.
 *
 * Calls that come at once go one after another: where one fails, the library begins its numbers anew, and the brokers
 * would take those of another one on its way for what they have already.
 */
export function kafkaSink(options: KafkaSinkOptions, { log }: { readonly log: Logger }): OutboxSink {
  const { name, brokers, topic, createTopic, timeoutMs = 10_000 } = options
  let producer: StringProducer | null = null
  let closed = false
  /** The call before; never rejects. */
  let turn: Promise<unknown> = Promise.resolve()
  const closing = Promise.withResolvers<never>()
  closing.promise.catch(() => {})

  const open = async (): Promise<StringProducer> => {
    const [sasl, tls] = [await saslOf(options), await tlsOf(options)]
    const made = new Producer({
      clientId: name.replaceAll(/[^A-Za-z0-9._-]/g, '-'),
      bootstrapBrokers: [...brokers],
      serializers: stringSerializers,
      idempotent: true,
      acks: ProduceAcks.ALL,
      autocreateTopics: createTopic,
      retries: RETRIES,
      connectTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: timeoutMs,
      timeout: timeoutMs,
      ...NO_PRODUCER,
      ...(sasl === null ? {} : { sasl }),
      ...(tls === null ? {} : { tls }),
    })
    log.info({ topic, brokers: brokers.join(', ') }, 'Open a producer of Kafka')
    return made
  }

  const drop = async (): Promise<void> => {
    const dropped = producer
    producer = null
    await dropped?.close().catch(() => {})
  }

  const send = async (messages: readonly OutboxMessage[]): Promise<void> => {
    if (closed) throw closedError()
    try {
      producer ??= await open()
      // While the files were read.
      if (closed) {
        await drop()
        throw closedError()
      }
      const sending = producer.send({
        messages: messages.map((message) => ({
          topic,
          key: message.lane,
          value: JSON.stringify(message.body),
          headers: { ...message.headers, 'iyi-key': message.key, 'iyi-subject': message.subject.join('.') },
        })),
      })
      await Promise.race([sending, closing.promise])
    } catch (cause) {
      const [only] = messages
      const failure = meaningOf(cause, {
        topic,
        ...(messages.length === 1 && only !== undefined ? { key: only.key } : {}),
      })
      // A refusal says that the connection is well. What the producer still has in progress ends without a word.
      if (!closed && failure.code !== 'OUTBOX_REFUSED') await drop()
      throw failure
    }
  }

  return {
    publish: (messages) => {
      const sent = turn.then(() => send(messages))
      turn = sent.catch(() => {})
      return sent
    },
    close: async () => {
      closed = true
      closing.reject(closedError())
      await drop()
    },
  }
}

async function saslOf({ mechanism, user, passwordFile }: KafkaSinkOptions): Promise<SASLOptions | null> {
  if (mechanism === undefined || user === undefined || passwordFile === undefined) return null
  const password = (await readFile(passwordFile, 'utf8')).split(/\r?\n/)[0] ?? ''
  const mechanisms = {
    plain: 'PLAIN',
    'scram-sha-256': 'SCRAM-SHA-256',
    'scram-sha-512': 'SCRAM-SHA-512',
  } as const
  return { mechanism: mechanisms[mechanism], username: user, password }
}

async function tlsOf({ tls, caFile, certFile, keyFile }: KafkaSinkOptions) {
  if (!tls && caFile === undefined && certFile === undefined) return null
  return {
    ...(caFile === undefined ? {} : { ca: await readFile(caFile) }),
    ...(certFile === undefined ? {} : { cert: await readFile(certFile) }),
    ...(keyFile === undefined ? {} : { key: await readFile(keyFile) }),
  }
}

function closedError(): KafkaError {
  return new KafkaError('OUTBOX_CLOSED', 'The node is stopping.', { data: {} })
}
