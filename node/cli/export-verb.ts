import { type Command, Option } from 'commander'
import { type ExportFormat, exportFormats } from '../ports/export.ts'
import type { CliDeps } from './deps.ts'
import { exportTable } from './verbs/export.ts'
import { wholeNumber } from './whole-number.ts'

const number = wholeNumber(0, Number.MAX_SAFE_INTEGER)

/** `iyi export`. */
export function addExportVerb(program: Command, deps: CliDeps): void {
  program
    .command('export <what>')
    .description('write a table into a file, as it was at one moment (also while the node runs)')
    .option('-c, --config <path>', 'configuration file', 'iyi.yaml')
    .addOption(new Option('--format <format>', 'what to write').choices(exportFormats).makeOptionMandatory())
    .requiredOption('-o, --out <path>', 'file to write to; - for standard output')
    .option('--chain <id>', 'of one chain alone', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .option('--from-block <n>', 'first block', number)
    .option('--to-block <n>', 'last block', number)
    .option('-f, --force', 'overwrite a file that exists')
    .addHelpText(
      'after',
      '\n<what> is a table of the index (pool, poolSync, poolSwap, poolBar, feedRound, ...), <contract>.<Event>\nof a contract of your own, events (the event log with the stage of each), trades or candles (of the series).',
    )
    .action(
      async (
        what: string,
        options: {
          config: string
          format: ExportFormat
          out: string
          chain?: number
          fromBlock?: number
          toBlock?: number
          force?: true
        },
      ) => exportTable({ what, ...options }, deps),
    )
}
