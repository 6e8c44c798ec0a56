import { CommanderError } from 'commander'
import { IyiError } from '../ports/errors.ts'

/** `EX_TEMPFAIL` of sysexits(3): a supervisor may start the node again as it is. */
export const EXIT_RETRY = 75
export const EXIT_FATAL = 1

/** What the process should exit with after `error`: 75 when trying again may help, else 1; 0 after help or version. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode
  return error instanceof IyiError && error.retry ? EXIT_RETRY : EXIT_FATAL
}
