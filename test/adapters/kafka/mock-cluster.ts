import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { until } from '../postgres/support.ts'

export interface MockCluster {
  readonly broker: string
  /** Its processes stand still, with all connections open. */
  pause(): void
  resume(): void
  read(topic: string): Promise<readonly Consumed[]>
  stop(): Promise<void>
}

export interface Consumed {
  readonly partition: number
  readonly offset: number
  readonly key: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: { readonly [name: string]: unknown }
}

/**
 * The cluster of librdkafka's own tests inside kcat: Kafka's protocol over TCP, in memory, one broker, four partitions a
 * topic. It takes no logins and no encryption.
 */
export async function mockCluster(kcat: string): Promise<MockCluster> {
  const child = spawn(
    kcat,
    ['-P', '-b', 'none', '-t', 'unused', '-X', 'test.mock.num.brokers=1', '-d', 'mock'],
    {
      stdio: ['pipe', 'ignore', 'pipe'],
    },
  )
  process.once('exit', () => child.kill('SIGKILL'))
  let broker = ''
  let said = ''
  child.stderr.on('data', (part) => {
    if (broker !== '') return
    said += part
    broker = /bootstrap\.servers=(\S+)/.exec(said)?.[1] ?? ''
  })
  await until(() => broker !== '')
  return {
    broker,
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    read: async (topic) => {
      const { stdout } = await promisify(execFile)(
        kcat,
        ['-C', '-q', '-b', broker, '-t', topic, '-o', 'beginning', '-e', '-J'],
        { maxBuffer: 1 << 28 },
      )
      return stdout
        .trimEnd()
        .split('\n')
        .filter((line) => line !== '')
        .map(consumedOf)
    },
    stop: () => ended(child),
  }
}

function consumedOf(line: string): Consumed {
  const { partition, offset, key, payload, headers } = JSON.parse(line)
  return { partition, offset, key, headers: headersOf(headers), body: JSON.parse(payload) }
}

/** kcat says headers as a list of names and values in turn. */
function headersOf(headers: unknown): Readonly<Record<string, string>> {
  const list = Array.isArray(headers) ? headers.map(String) : []
  return Object.fromEntries(list.flatMap((name, at) => (at % 2 === 0 ? [[name, list[at + 1] ?? '']] : [])))
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
