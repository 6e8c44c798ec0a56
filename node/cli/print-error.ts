import { CommanderError } from 'commander'
import { IyiError } from '../ports/errors.ts'
import type { TextSink } from './deps.ts'

/** Prints an error as `error CODE: message`; with `verbose` its stack and causes too. Commander prints its own. */
export function printError(error: unknown, options: { readonly verbose: boolean }, stderr: TextSink): void {
  if (error instanceof CommanderError) return
  if (options.verbose) {
    for (
      let cause: unknown = error;
      cause !== undefined;
      cause = cause instanceof Error ? cause.cause : undefined
    ) {
      stderr.write(
        `${cause === error ? '' : 'caused by '}${cause instanceof Error ? cause.stack : String(cause)}\n`,
      )
    }
  }
  if (error instanceof IyiError) {
    stderr.write(`error ${error.code}: ${error.message}\n`)
    return
  }
  const message = error instanceof Error ? error.message : String(error)
  stderr.write(`error UNEXPECTED: ${message}\n`)
  if (!options.verbose) stderr.write('run it again with --verbose to see where\n')
}
