import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect as dial } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node'
import { freePort, until } from '../postgres/support.ts'

export interface NatsServer {
  readonly url: string
  readonly port: number
  start(): Promise<void>
  /** As a power cut of the process: SIGKILL. */
  kill(): Promise<void>
  /** More lines of its configuration, for the next start. */
  configure(text: string): void
  dispose(): Promise<void>
}

/** A real nats-server with JetStream on loopback, in a folder of its own. Not started yet. */
export async function natsServer(program: string, config = ''): Promise<NatsServer> {
  const dir = await mkdtemp(join(tmpdir(), 'iyi-nats-'))
  const port = await freePort()
  let more = config
  let child: ChildProcess | null = null
  const kill = async () => {
    const killed = child
    child = null
    if (killed === null || killed.exitCode !== null || killed.signalCode !== null) return
    killed.kill('SIGKILL')
    await once(killed, 'exit')
  }
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    configure: (text) => {
      more = text
    },
    start: async () => {
      const path = join(dir, 'server.conf')
      await writeFile(
        path,
        `listen: 127.0.0.1:${port}\njetstream { store_dir: ${JSON.stringify(join(dir, 'store'))} }\n${more}\n`,
      )
      const started = spawn(program, ['-c', path], { stdio: 'ignore' })
      child = started
      process.once('exit', () => started.kill('SIGKILL'))
      await until(() => {
        if (started.exitCode !== null) throw new TypeError(`nats-server ended with ${started.exitCode}`)
        return answers(port)
      })
    },
    kill,
    dispose: async () => {
      await kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

const answers = (port: number) =>
  new Promise<boolean>((done) => {
    const socket = dial(port, '127.0.0.1')
    socket.once('data', () => socket.destroy())
    socket.once('error', () => done(false))
    socket.once('close', () => done(socket.bytesRead > 0))
  })

export interface Stored {
  readonly subject: string
  readonly id: string
  readonly body: { readonly [key: string]: unknown }
}

/** Looks at a server as its operator would. */
export async function natsOperator(
  url: string,
  options: NodeConnectionOptions = {},
): Promise<{ connection: NatsConnection; manager: JetStreamManager; close(): Promise<void> }> {
  const connection = await connect({ servers: [url], ...options })
  return {
    connection,
    manager: await jetstreamManager(connection),
    close: () => connection.close(),
  }
}

/** All that is in a stream, in its order. */
export async function readStream(
  url: string,
  stream: string,
  options: NodeConnectionOptions = {},
): Promise<Stored[]> {
  const { manager, close } = await natsOperator(url, options)
  try {
    const { state } = await manager.streams.info(stream)
    const found: Stored[] = []
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const message = await manager.streams.getMessage(stream, { seq })
      if (message === null) continue
      found.push({
        subject: message.subject,
        id: message.header.get('Nats-Msg-Id'),
        body: message.json(),
      })
    }
    return found
  } finally {
    await close()
  }
}

export async function countStream(url: string, stream: string): Promise<number> {
  const { manager, close } = await natsOperator(url)
  try {
    return (await manager.streams.info(stream)).state.messages
  } catch {
    return 0
  } finally {
    await close()
  }
}
