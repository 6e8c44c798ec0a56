// The entry point: the command line, the signals, the exit code. What a node is made of stands in compose/node.ts.
import { hexToBytes } from 'viem'
import { createKeystores } from './adapters/keystore/create.ts'
import { listKeystores } from './adapters/keystore/list.ts'
import { roleNames } from './adapters/keystore/roles.ts'
import { peerIdFromKey } from './adapters/libp2p/identity.ts'
import { redactText } from './adapters/pino/redact.ts'
import { printError } from './cli/print-error.ts'
import { runCli } from './cli/run.ts'
import { version } from './compose/version.ts'
import { judgeOffence } from './quorum/offence.ts'

/** npm and the terminal may both deliver one Ctrl-C; only a later one means "now". */
const SAME_SIGNAL_MS = 1_000
/** What may still be written after everything has stopped. */
const EXIT_GRACE_MS = 1_000
/** What a clean stop may take after an exception that nobody caught; the process's state is in doubt. */
const FAULT_STOP_MS = 20_000
/** An exception of a fast timer comes again and again while the node stops. */
const MAX_FAULTS_TOLD = 5

const stopping = new AbortController()
let askedAt = 0

function stop(reason: string): void {
  if (!stopping.signal.aborted) {
    askedAt = performance.now()
    stopping.abort(new Error(reason))
    return
  }
  if (performance.now() - askedAt < SAME_SIGNAL_MS) return
  process.stderr.write(`${reason} again: end at once\n`)
  process.exit(1)
}

let faults = 0

/** Of a plugin's timer, say. It can't be repeated at will, so its stack is told at once. */
function uncaught(error: unknown): void {
  faults++
  process.exitCode = 1
  if (faults <= MAX_FAULTS_TOLD)
    printError(error, { verbose: true }, { write: (text) => process.stderr.write(redactText(text)) })
  if (faults > 1) return
  if (!stopping.signal.aborted) stop('an exception that nobody caught')
  setTimeout(() => process.exit(1), FAULT_STOP_MS).unref()
}

// A rejection that nobody handles arrives here too.
process.on('uncaughtException', uncaught)
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop(signal))
// Started by another program of ours, with a pipe to it: when it dies, end as if told to.
process.on('disconnect', () => stop('the parent process ended'))

async function keySummaries({ dir }: { dir: string }) {
  return (await listKeystores({ dir })).map(({ role, identity, file }) => ({
    role,
    identity: identity ?? '(not stated in the file)',
    file,
    ...(role === 'peer' && identity !== null
      ? { note: `peer id ${peerIdFromKey(hexToBytes(identity))}` }
      : {}),
  }))
}

const outside = { signal: stopping.signal, stderr: process.stderr }

const code = await runCli(process.argv, {
  // Loaded when asked for, so that a help text does not wait for libp2p.
  async startNode(config, context) {
    const { runNode } = await import('./compose/node.ts')
    await runNode(config, context, { signal: stopping.signal })
  },
  async runDevnet(options) {
    const { runDevnet } = await import('./devnet/devnet.ts')
    await runDevnet(options, { stdout: process.stdout, signal: stopping.signal })
  },
  async createKeystores({ dir, password }) {
    await createKeystores({ dir, password, scrypt: 'standard' })
    return keySummaries({ dir })
  },
  listKeystores: keySummaries,
  keyRoles: roleNames,
  async checkPlugins(config, source) {
    const { checkPlugins } = await import('./compose/check-plugins.ts')
    return checkPlugins(config, source)
  },
  judgeOffence,
  async exportSigningHistory(config, options) {
    const { exportSigningHistory } = await import('./compose/signing-history.ts')
    return exportSigningHistory(config, options, { signal: stopping.signal, stderr: process.stderr })
  },
  async importSigningHistory(config, options) {
    const { importSigningHistory } = await import('./compose/signing-history.ts')
    return importSigningHistory(config, options, { signal: stopping.signal, stderr: process.stderr })
  },
  async eventConsumers(config) {
    return (await import('./compose/events.ts')).eventConsumers(config, outside)
  },
  async eventDeadLetters(config, options) {
    return (await import('./compose/events.ts')).eventDeadLetters(config, options, outside)
  },
  async retryEvents(config, options) {
    return (await import('./compose/events.ts')).retryEvents(config, options, outside)
  },
  async replayEvents(config, options) {
    return (await import('./compose/events.ts')).replayConsumer(config, options, outside)
  },
  async outboxStatus(config) {
    return (await import('./compose/outbox-verbs.ts')).outboxStatus(config, outside)
  },
  async outboxDeadLetters(config, options) {
    return (await import('./compose/outbox-verbs.ts')).outboxDeadLetters(config, options, outside)
  },
  async retryOutbox(config, options) {
    return (await import('./compose/outbox-verbs.ts')).retryOutbox(config, options, outside)
  },
  async replayOutbox(config, options) {
    return (await import('./compose/outbox-verbs.ts')).replayTarget(config, options, outside)
  },
  async exportTable(config, source, options) {
    const { exportTable } = await import('./compose/export.ts')
    return exportTable(config, source, options, { ...outside, stdout: process.stdout })
  },
  async indexBuilds(config) {
    return (await import('./compose/index-builds.ts')).indexBuilds(config, outside)
  },
  async rollBackIndex(config, options) {
    return (await import('./compose/index-builds.ts')).rollBackIndex(config, options, outside)
  },
  async recoverIndex(config, options) {
    return (await import('./compose/recover-index.ts')).recoverIndex(config, options, outside)
  },
  models: {
    async pack(options) {
      return (await import('./compose/models/pack.ts')).packModel(options)
    },
    async verify(options) {
      return (await import('./compose/models/verify.ts')).verifyFolder(options.folder)
    },
    async verifyKnown(config, { model }) {
      return (await import('./compose/models/verify.ts')).verifyKnown(config, model)
    },
    async calibrate(config, options) {
      return (await import('./compose/models/calibrate/calibrate.ts')).calibrateModel(config, options)
    },
    async addFromPeers(config, source) {
      return (await import('./compose/models/library.ts')).addFromPeers(config, source)
    },
    async add(config, options) {
      return (await import('./compose/models/library.ts')).addModel(config, options)
    },
    async remove(config, options) {
      return (await import('./compose/models/library.ts')).removeModel(config, options.model)
    },
    async list(config) {
      return (await import('./compose/models/library.ts')).listModels(config)
    },
    async decide(config, options) {
      return (await import('./compose/models/decide.ts')).decideVersion(config, options)
    },
    async show(config, options) {
      return (await import('./compose/models/library.ts')).showModel(config, options.model)
    },
    async bench(config, options) {
      return (await import('./compose/models/bench.ts')).benchModel(config, options)
    },
  },
  async tryAbi(config, contract) {
    return (await import('./compose/try-abi.ts')).tryAbi(config, contract)
  },
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  version,
})
const exitCode = faults > 0 ? 1 : code
process.exitCode = exitCode
process.removeAllListeners('disconnect')
if (process.connected) process.disconnect()
// A handle that was forgotten must not keep a stopped node alive.
setTimeout(() => process.exit(exitCode), EXIT_GRACE_MS).unref()
