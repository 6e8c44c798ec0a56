import type { CliDeps } from './deps.ts'
import { exitCodeOf } from './exit-code.ts'
import { printError } from './print-error.ts'
import { createProgram } from './program.ts'

/** Runs the command line given in `argv` (as `process.argv`) and gives the exit code; errors are printed, not thrown. */
export async function runCli(argv: readonly string[], deps: CliDeps): Promise<number> {
  const program = createProgram(deps)
  try {
    await program.parseAsync([...argv])
    return 0
  } catch (error) {
    printError(error, { verbose: program.opts<{ verbose?: boolean }>().verbose === true }, deps.stderr)
    return exitCodeOf(error)
  }
}
