import { Command, Option } from 'commander'
import type { CliDeps } from './deps.ts'
import { addExportVerb } from './export-verb.ts'
import { addModelVerbs } from './model-verbs.ts'
import { addOutboxVerbs } from './outbox-verbs.ts'
import { configCheck } from './verbs/config-check.ts'
import { dbBuilds } from './verbs/db-builds.ts'
import { dbRollback } from './verbs/db-rollback.ts'
import { eventsConsumers } from './verbs/events-consumers.ts'
import { eventsDeadLetters } from './verbs/events-dead-letters.ts'
import { eventsReplay } from './verbs/events-replay.ts'
import { eventsRetry } from './verbs/events-retry.ts'
import { evidenceVerify } from './verbs/evidence-verify.ts'
import { indexAdd } from './verbs/index-add.ts'
import { indexRecover } from './verbs/index-recover.ts'
import { init } from './verbs/init.ts'
import { keysList } from './verbs/keys-list.ts'
import { signingHistoryExport } from './verbs/signing-history-export.ts'
import { signingHistoryImport } from './verbs/signing-history-import.ts'
import { start } from './verbs/start.ts'
import { wholeNumber } from './whole-number.ts'

const CONFIG = ['-c, --config <path>', 'configuration file', 'iyi.yaml'] as const

/**
 * The command line of the node. It never exits the process: `parseAsync` rejects, with a `CommanderError` for usage,
 * help and version, else with what a verb rejected with (see `exitCodeOf`).
 */
export function createProgram(deps: CliDeps): Command {
  const program = new Command('iyi')
    .description('A plugin-based, blockchain-first protocol node.')
    .version(deps.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [verb]', 'print the help of a verb')
    .option('--verbose', 'print stack traces of errors')
    .configureOutput({
      writeOut: (text) => deps.stdout.write(text),
      writeErr: (text) => deps.stderr.write(text),
      // One layout everywhere, so that docs/cli.md is the help that people see.
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
    })
    .exitOverride()

  program
    .command('init')
    .description('write a commented configuration and the keys of a validator')
    .option('-d, --dir <path>', 'folder to write to', '.')
    .option('-f, --force', 'overwrite a configuration that exists (never the keys)')
    .option('--password-file <path>', 'file with the password for the new keys')
    .addOption(
      new Option(
        '--generate-password',
        'make a random password and write it beside the keys (mode 0600)',
      ).conflicts('passwordFile'),
    )
    .option(
      '--port-base <n>',
      'write five ports from this one on (1024 to 65000), instead of the usual ones: for a node beside others',
      wholeNumber(1_024, 65_000),
    )
    .addHelpText('after', '\nWithout either, the password is IYI_KEYS_PASSWORD, or the terminal is asked.')
    .action(
      async (options: {
        dir: string
        force?: true
        passwordFile?: string
        generatePassword?: true
        portBase?: number
      }) => {
        const { force = false, passwordFile = null, generatePassword = false, ...rest } = options
        await init({ ...rest, force, passwordFile, generatePassword }, deps)
      },
    )

  program
    .command('start')
    .description('run a node until SIGTERM or SIGINT')
    .option(...CONFIG)
    .action(async (options: { config: string }) => start(options, deps))

  program
    .command('config')
    .description('the configuration')
    .command('check')
    .description('check a configuration and its plugins; print what is in effect, secrets masked')
    .option(...CONFIG)
    .action(async (options: { config: string }) => configCheck(options, deps))

  program
    .command('keys')
    .description("the node's keys")
    .command('list')
    .description('print the public side of each key')
    .option(...CONFIG)
    .action(async (options: { config: string }) => keysList(options, deps))

  const history = program
    .command('signing-history')
    .description('what the keys signed, to take along when a validator moves (the node must not run)')
  history
    .command('export')
    .description("write the signing history of the node's keys as JSON")
    .option(...CONFIG)
    .option('-o, --out <path>', 'new file to write to, mode 0600; standard output when absent')
    .option('--retire', 'end signing with these keys on this database: for a move')
    .action(async (options: { config: string; out?: string; retire?: true }) => {
      const { config, out = null, retire = false } = options
      await signingHistoryExport({ config, out, retire }, deps)
    })
  history
    .command('import <file>')
    .description('take over an exported signing history; refuses one that would weaken what is there')
    .option(...CONFIG)
    .action(async (file: string, options: { config: string }) =>
      signingHistoryImport({ ...options, file }, deps),
    )

  program
    .command('evidence')
    .description('evidence of breaches of the quorum protocol')
    .command('verify')
    .description('check, offline, what GET /v1/quorum/evidence answered')
    .argument('<file>', 'JSON: one record, or an answer of the API')
    .action(async (path: string) => evidenceVerify(path, deps))

  addEventVerbs(program, deps)
  addOutboxVerbs(program, deps)
  addExportVerb(program, deps)
  addModelVerbs(program, deps)

  const db = program
    .command('db')
    .description('builds of the index in the database (also while the node runs)')
  db.command('builds')
    .description('print the builds: which one is read, which one is made and how far it is')
    .option(...CONFIG)
    .action(async (options: { config: string }) => dbBuilds(options, deps))
  db.command('rollback')
    .description('read the build from before the last change of plugins or program again')
    .option(...CONFIG)
    .option('--to <build>', 'this build, as `db builds` names it')
    .action(async ({ config, to }: { config: string; to?: string }) =>
      dbRollback({ config, to: to ?? null }, deps),
    )

  const index = program.command('index').description('the index of chain events')
  index
    .command('add <address>')
    .description('index the events of a contract of your own: writes it into the configuration')
    .option(...CONFIG)
    .requiredOption('--chain <id>', 'chain id', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .requiredOption('--abi <file>', 'its ABI: a JSON array, or what a compiler wrote')
    .requiredOption('--name <name>', 'begins the names of its tables')
    .option('--start-block <n>', 'first block to index', wholeNumber(0, Number.MAX_SAFE_INTEGER), 0)
    .option(
      '--events <name...>',
      'only these events, by name or as "Transfer(address,uint256)"; all when absent',
    )
    .action(
      async (
        address: string,
        options: {
          config: string
          chain: number
          abi: string
          name: string
          startBlock: number
          events?: readonly string[]
        },
      ) => {
        const { chain, events = null, ...rest } = options
        await indexAdd({ ...rest, address, chainId: chain, events }, deps)
      },
    )
  index
    .command('recover')
    .description('after a reorganisation deeper than finality: revert what is gone (the node must not run)')
    .option(...CONFIG)
    .requiredOption('--chain <id>', 'chain id', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .action(async (options: { config: string; chain: number }) => indexRecover(options, deps))

  program
    .command('devnet')
    .description('run a whole network on this machine: chains, validators, contracts, a market')
    .option(
      '--port-base <n>',
      'take ports from this one on (1024 to 60000), instead of the usual ones',
      wholeNumber(1_024, 60_000),
    )
    .option('--dir <path>', 'folder for all that the network writes; .iyi/devnet when absent')
    .option('--validators <n>', 'how many validators, 4 to 31', wholeNumber(4, 31), 4)
    .option(
      '--seed <n>',
      'which path the prices of the market follow; 1 when absent',
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
    )
    .action(async (options: { portBase?: number; dir?: string; validators: number; seed?: number }) =>
      deps.runDevnet(options),
    )

  return program
}

function addEventVerbs(program: Command, deps: CliDeps): void {
  const events = program
    .command('events')
    .description('the events that plugins follow (also while the node runs)')
  events
    .command('consumers')
    .description('print each consumer, where it is on each chain, and its dead letters')
    .option(...CONFIG)
    .action(async (options: { config: string }) => eventsConsumers(options, deps))
  events
    .command('dead-letters')
    .description('print the events that a consumer failed to handle, and why')
    .option(...CONFIG)
    .option('--consumer <name>', 'of one consumer alone')
    .action(async (options: { config: string; consumer?: string }) =>
      eventsDeadLetters({ config: options.config, consumer: options.consumer ?? null }, deps),
    )
  events
    .command('retry <consumer>')
    .description('deliver dead letters again, once each')
    .option(...CONFIG)
    .option('--id <n...>', 'these; numbers of dead-letters', bigints)
    .option('--all', 'all of that consumer')
    .action(async (consumer: string, options: { config: string; id?: readonly bigint[]; all?: true }) => {
      const { config, id = [], all = false } = options
      await eventsRetry({ config, consumer, ids: id, all }, deps)
    })
  events
    .command('replay <consumer>')
    .description('deliver again what was told of a block and all that came after it')
    .option(...CONFIG)
    .requiredOption('--chain <id>', 'chain id', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .requiredOption('--from-block <n>', 'first block', wholeNumber(0, Number.MAX_SAFE_INTEGER))
    .action(async (consumer: string, options: { config: string; chain: number; fromBlock: number }) =>
      eventsReplay({ ...options, consumer }, deps),
    )
}

const anId = wholeNumber(1, Number.MAX_SAFE_INTEGER)
const bigints = (text: string, before: readonly bigint[] = []): readonly bigint[] => [
  ...before,
  BigInt(anId(text)),
]
