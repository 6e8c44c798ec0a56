import { type JetStreamClient, jetstream } from '@nats-io/jetstream'
import { headers, type NatsConnection } from '@nats-io/transport-node'
import type { Logger } from '../../ports/log.ts'
import type { OutboxMessage, OutboxSink } from '../../ports/outbox.ts'
import { connectNats, ensureStream, type NatsAddress } from './connection.ts'
import { NatsError } from './errors.ts'
import { meaningOf } from './failures.ts'

export interface NatsSinkOptions extends NatsAddress {
  /** Shown in the server's list of connections. */
  readonly name: string
  /** No other stream takes the messages, whatever its subjects. */
  readonly stream: string
  /** First part of every subject: `<prefix>.<chain id>.<event>`. */
  readonly prefix: string
  /** Makes the stream where there is none. */
  readonly createStream: boolean
  /** So long the server may take to acknowledge a message; 10,000 when absent. */
  readonly ackTimeoutMs?: number
}

interface Open {
  readonly connection: NatsConnection
  readonly client: JetStreamClient
}

/**
 * Publishes to a JetStream stream with the key as `Nats-Msg-Id`, by which the stream drops what it has seen within its
 * window. Messages of a lane go one after another, each after the acknowledgement of the one before; lanes at once. The
 * connection is made when it is needed, and anew after each failure.
 */
export function natsSink(options: NatsSinkOptions, { log }: { readonly log: Logger }): OutboxSink {
  const { name, stream, prefix, createStream, ackTimeoutMs = 10_000 } = options
  let opening: Promise<Open> | null = null
  /** The connection, once it is made. */
  let live: NatsConnection | null = null
  let closed = false
  const closing = Promise.withResolvers<never>()
  closing.promise.catch(() => {})

  const open = async (): Promise<Open> => {
    const connection = await connectNats(options, { name })
    try {
      if (closed) throw closedError()
      if (createStream) await ensureStream(connection, { stream, prefix })
    } catch (error) {
      await connection.close()
      throw error
    }
    live = connection
    log.info({ stream, server: connection.getServer() }, 'Connect to NATS')
    return { connection, client: jetstream(connection) }
  }

  const drop = async (): Promise<void> => {
    const dropped = opening
    opening = null
    live = null
    const found = await dropped?.catch(() => null)
    await found?.connection.close()
  }

  const publishOne = async ({ client }: Open, message: OutboxMessage): Promise<void> => {
    const head = headers()
    for (const [key, value] of Object.entries(message.headers)) head.set(key, value)
    const subject = [prefix, ...message.subject].join('.')
    try {
      await client.publish(subject, JSON.stringify(message.body), {
        msgID: message.key,
        headers: head,
        timeout: ackTimeoutMs,
        expect: { streamName: stream },
      })
    } catch (error) {
      throw meaningOf(error, { stream, subject, key: message.key })
    }
  }

  return {
    publish: async (messages) => {
      if (closed) throw closedError()
      // Lost while nobody used it: no reason to fail.
      if (live?.isClosed() === true) await drop()
      opening ??= open()
      let at: Open
      try {
        at = await Promise.race([opening, closing.promise])
      } catch (error) {
        opening = null
        throw meaningOf(error, { stream })
      }
      const lanes = [...Map.groupBy(messages, ({ lane }) => lane).values()]
      // The first failure stops the other lanes too: the caller begins again.
      let failure: unknown = null
      await Promise.all(
        lanes.map(async (lane) => {
          for (const message of lane) {
            if (failure !== null) return
            try {
              await publishOne(at, message)
            } catch (error) {
              failure ??= error
            }
          }
        }),
      )
      if (failure === null) return
      // A refusal says that the connection is well.
      if (!(failure instanceof NatsError && failure.code === 'OUTBOX_REFUSED')) await drop()
      throw failure
    },
    close: async () => {
      closed = true
      closing.reject(closedError())
      // A connection that is still being made ends by itself.
      const wasLive = live !== null
      const dropped = drop()
      if (wasLive) await dropped
    },
  }
}

function closedError(): NatsError {
  return new NatsError('OUTBOX_CLOSED', 'The node is stopping.', { data: {} })
}
