import { readFile } from 'node:fs/promises'
import { jetstreamManager } from '@nats-io/jetstream'
import {
  type Authenticator,
  connect,
  credsAuthenticator,
  type NatsConnection,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node'
import { NatsError } from './errors.ts'

/** Where NATS is, and how the node proves itself there. Secrets are in files, read anew for each connection. */
export interface NatsAddress {
  readonly servers: readonly string[]
  /** Credentials as `nsc` writes them. */
  readonly credsFile?: string | undefined
  readonly user?: string | undefined
  readonly passwordFile?: string | undefined
  readonly tokenFile?: string | undefined
  /** Authorities that may sign the server's certificate; the system's when absent. */
  readonly caFile?: string | undefined
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
}

const CONNECT_TIMEOUT_MS = 5_000
/** A connection that went silent is found after three of these. */
const PING_MS = 10_000

/**
 * A connection that ends with its first trouble: the library's own reconnection would let later messages through where
 * an earlier one was lost.
 */
export async function connectNats(
  address: NatsAddress,
  { name }: { readonly name: string },
): Promise<NatsConnection> {
  const authenticator = await authenticatorOf(address)
  return connect({
    name,
    servers: [...address.servers],
    timeout: CONNECT_TIMEOUT_MS,
    reconnect: false,
    ignoreClusterUpdates: true,
    pingInterval: PING_MS,
    maxPingOut: 2,
    ...(authenticator === null ? {} : { authenticator }),
    ...tlsOf(address),
  })
}

async function authenticatorOf(address: NatsAddress): Promise<Authenticator | null> {
  const { credsFile, user, passwordFile, tokenFile } = address
  if (credsFile !== undefined) return credsAuthenticator(await readFile(credsFile))
  if (tokenFile !== undefined) return tokenAuthenticator(await firstLine(tokenFile))
  if (user === undefined || passwordFile === undefined) return null
  return usernamePasswordAuthenticator(user, await firstLine(passwordFile))
}

async function firstLine(path: string): Promise<string> {
  return (await readFile(path, 'utf8')).split(/\r?\n/)[0] ?? ''
}

/** With any of these the connection is encrypted or fails. */
function tlsOf({ servers, caFile, certFile, keyFile }: NatsAddress) {
  if (caFile === undefined && certFile === undefined && !servers.some((url) => url.startsWith('tls://')))
    return {}
  return {
    tls: {
      ...(caFile === undefined ? {} : { caFile }),
      ...(certFile === undefined ? {} : { certFile }),
      ...(keyFile === undefined ? {} : { keyFile }),
    },
  }
}

/** So long a stream that is made here knows a key again, nanoseconds. */
const DUPLICATE_WINDOW_NS = 600_000_000_000

/** Makes the stream where there is none: on disk, one replica, without limits. An existing one stays as it is. */
export async function ensureStream(
  connection: NatsConnection,
  { stream, prefix }: { readonly stream: string; readonly prefix: string },
): Promise<void> {
  const { streams } = await jetstreamManager(connection, { checkAPI: false })
  try {
    await streams.info(stream)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === STREAM_NOT_FOUND)) throw error
    try {
      await streams.add({
        name: stream,
        subjects: [`${prefix}.>`],
        storage: 'file',
        duplicate_window: DUPLICATE_WINDOW_NS,
      })
    } catch (cause) {
      throw new NatsError(
        'OUTBOX_UNAVAILABLE',
        `The stream "${stream}" can't be made: ${cause instanceof Error ? cause.message : String(cause)}. Make it yourself, with the subject "${prefix}.>".`,
        { data: { stream }, retry: true, cause },
      )
    }
  }
}

/** JetStream's own number of that error. */
const STREAM_NOT_FOUND = 10_059
