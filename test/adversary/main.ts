// The test build of the node: the one that is shipped, with one option more that makes it lie to the other validators.
// Of several kinds it begins with the first and goes on to the next at every SIGUSR2.
import { Option } from 'commander'
import { systemClock } from '../../node/adapters/clock/system.ts'
import { openKeystores } from '../../node/adapters/keystore/open.ts'
import type { CliDeps } from '../../node/cli/deps.ts'
import { exitCodeOf } from '../../node/cli/exit-code.ts'
import { printError } from '../../node/cli/print-error.ts'
import { createProgram } from '../../node/cli/program.ts'
import { runNode } from '../../node/compose/node.ts'
import { version } from '../../node/compose/version.ts'
import type { Codec } from '../../node/ports/quorum.ts'
import { observationCodec } from '../../plugins/oracle/codecs.ts'
import { requestObservationCodec } from '../../plugins/oracle/requests/request-codecs.ts'
import type { RequestResult } from '../../plugins/oracle/requests/request-types.ts'
import { vectorObservationCodec } from '../../plugins/oracle/values/vector-codecs.ts'
import { adversaries, type Kind, kinds, NOW } from './kinds.ts'
import { dishonest } from './puppet.ts'

const stopping = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.on(signal, () => stopping.abort(new Error(signal)))

/** Ten times the value, and a round on-chain that nobody else has seen; of requests, a thousand units more each. */
function lie(observation: Uint8Array): Uint8Array {
  const request = decoded(requestObservationCodec, observation)
  if (request !== null)
    return requestObservationCodec.encode({ ...request, results: request.results.map(perturbed) })
  const vector = decoded(vectorObservationCodec, observation)
  if (vector !== null) {
    const value = vector.value.map((element) => 10n * element)
    const timestamp = (vector.onchain?.timestamp ?? 0) + 3_600
    return vectorObservationCodec.encode({ value, onchain: { answer: value, timestamp } })
  }
  const { value, onchain } = observationCodec.decode(observation)
  const timestamp = (onchain?.timestamp ?? 0) + 3_600
  return observationCodec.encode({ value: 10n * value, onchain: { answer: 10n * value, timestamp } })
}

/** Null for the bytes of another kind of duty. */
function decoded<T>(codec: Codec<T>, observation: Uint8Array): T | null {
  try {
    return codec.decode(observation)
  } catch {
    return null
  }
}

/** What a model with other weights would say. */
function perturbed(result: RequestResult): RequestResult {
  return result.kind === 'values'
    ? { ...result, values: result.values.map((value) => value + 1_000_000n) }
    : result
}

const refuse = () => Promise.reject(new TypeError('the test build only starts nodes'))
const deps: CliDeps = {
  async startNode(config, context) {
    const { adversary: sequence = [] } = start?.opts<{ adversary?: Kind[] }>() ?? {}
    const [first, ...later] = sequence
    if (first === undefined) throw new TypeError('say --adversary <kind>')
    let kind = first
    process.on('SIGUSR2', () => {
      kind = later.shift() ?? kind
      process.stdout.write(`${NOW} ${kind}\n`)
    })
    const { consensus } = await openKeystores({
      dir: config.keys.dir,
      password: await context.keysPassword(),
    })
    await runNode(config, context, {
      signal: stopping.signal,
      between: (transport) =>
        dishonest(
          transport,
          { adversary: () => adversaries[kind], sign: consensus.sign, lie },
          { clock: systemClock },
        ),
    })
  },
  runDevnet: refuse,
  createKeystores: refuse,
  listKeystores: refuse,
  keyRoles: [],
  checkPlugins: refuse,
  judgeOffence: () => ({ valid: false, reason: 'the test build only starts nodes' }),
  exportSigningHistory: refuse,
  importSigningHistory: refuse,
  eventConsumers: refuse,
  eventDeadLetters: refuse,
  retryEvents: refuse,
  replayEvents: refuse,
  outboxStatus: refuse,
  outboxDeadLetters: refuse,
  retryOutbox: refuse,
  replayOutbox: refuse,
  exportTable: refuse,
  recoverIndex: refuse,
  indexBuilds: refuse,
  rollBackIndex: refuse,
  models: {
    pack: refuse,
    verify: refuse,
    verifyKnown: refuse,
    calibrate: refuse,
    addFromPeers: refuse,
    add: refuse,
    remove: refuse,
    list: refuse,
    show: refuse,
    decide: refuse,
    bench: refuse,
  },
  tryAbi: refuse,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  version,
}

const program = createProgram(deps)
const start = program.commands.find((command) => command.name() === 'start')
start?.addOption(new Option('--adversary <kinds...>').choices(kinds).hideHelp())
try {
  await program.parseAsync(process.argv)
} catch (error) {
  printError(error, { verbose: true }, process.stderr)
  process.exitCode = exitCodeOf(error)
}
// As the shipped entry point: a forgotten handle must not keep a stopped node alive.
setTimeout(() => process.exit(), 1_000).unref()
