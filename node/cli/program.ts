import { Command, Option } from 'commander'
import type { CliDeps } from './deps.ts'
import { configCheck } from './verbs/config-check.ts'
import { evidenceVerify } from './verbs/evidence-verify.ts'
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
