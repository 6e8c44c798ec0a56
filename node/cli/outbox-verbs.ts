import type { Command } from 'commander'
import type { CliDeps } from './deps.ts'
import { outboxDeadLetters } from './verbs/outbox-dead-letters.ts'
import { outboxReplay } from './verbs/outbox-replay.ts'
import { outboxRetry } from './verbs/outbox-retry.ts'
import { outboxStatus } from './verbs/outbox-status.ts'
import { wholeNumber } from './whole-number.ts'

const CONFIG = ['-c, --config <path>', 'configuration file', 'iyi.yaml'] as const
const number = wholeNumber(0, Number.MAX_SAFE_INTEGER)

/** `iyi outbox`. */
export function addOutboxVerbs(program: Command, deps: CliDeps): void {
  const outbox = program
    .command('outbox')
    .description('what the node publishes to brokers (also while the node runs)')
  outbox
    .command('status')
    .description('print each target, where it is, what it lacks and why')
    .option(...CONFIG)
    .action(async (options: { config: string }) => outboxStatus(options, deps))
  outbox
    .command('dead-letters')
    .description('print the messages that a broker refused, and why')
    .option(...CONFIG)
    .option('--target <name>', 'of one target alone')
    .action(async ({ config, target }: { config: string; target?: string }) =>
      outboxDeadLetters({ config, target: target ?? null }, deps),
    )
  outbox
    .command('retry <target>')
    .description('publish refused messages again, once each')
    .option(...CONFIG)
    .option(
      '--id <n...>',
      'these; numbers of dead-letters',
      (text: string, before: readonly bigint[] = []) => [...before, BigInt(number(text))],
    )
    .option('--all', 'all of that target')
    .action(async (target: string, options: { config: string; id?: readonly bigint[]; all?: true }) => {
      const { config, id = [], all = false } = options
      await outboxRetry({ config, target, ids: id, all }, deps)
    })
  outbox
    .command('replay <target>')
    .description('publish again what came from a number, or from a block, on; all of it with the keys it had')
    .option(...CONFIG)
    .option('--from-seq <n>', 'from this number on, as `outbox status` counts', number)
    .option(
      '--from-block <n>',
      'from what was first told of this block, with all that was told since; of the source events alone',
      number,
    )
    .option('--chain <id>', 'chain id of that block', number)
    .option('--source <name>', 'what is published: events or alerts', 'events')
    .action(
      async (
        target: string,
        options: { config: string; source: string; fromSeq?: number; fromBlock?: number; chain?: number },
      ) => outboxReplay({ target, ...options }, deps),
    )
}
