import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { readPasswordFile } from '../config/password.ts'
import type { CliDeps } from './deps.ts'
import { CliError } from './errors.ts'
import { askHidden, isTerminal } from './prompt.ts'

/** Shortest password that a person may choose. The keystores' slow key derivation makes up for the rest. */
const MIN_LENGTH = 8

/**
 * The password for new keystores: a file that exists, a random one written to `generateTo` (readable by its owner
 * alone), `IYI_KEYS_PASSWORD`, or the terminal, asked twice. `file` is set where the password stands in a file.
 * Rejects with `CliError`: `CLI_NO_PASSWORD`, `CLI_WEAK_PASSWORD`, `CLI_PASSWORD_MISMATCH`.
 */
export async function newPassword(
  options: { readonly passwordFile: string | null; readonly generateTo: string | null },
  deps: Pick<CliDeps, 'stdin' | 'stderr' | 'env'>,
): Promise<{ readonly password: string; readonly file: string | null }> {
  if (options.passwordFile !== null) {
    return { password: strong(readPasswordFile(options.passwordFile)), file: options.passwordFile }
  }
  if (options.generateTo !== null) {
    const password = randomBytes(32).toString('base64url')
    await mkdir(dirname(options.generateTo), { recursive: true, mode: 0o700 })
    // `wx`: a password that may open other keys is never overwritten.
    await writeFile(options.generateTo, `${password}\n`, { mode: 0o600, flag: 'wx' }).catch(
      (cause: unknown) => {
        if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause
        throw new CliError(
          'CLI_FILE_EXISTS',
          `${options.generateTo} exists already: use it with --password-file, or move it away`,
          { path: options.generateTo ?? '' },
        )
      },
    )
    return { password, file: options.generateTo }
  }
  const fromEnv = deps.env.IYI_KEYS_PASSWORD
  if (fromEnv !== undefined && fromEnv !== '') return { password: strong(fromEnv), file: null }
  if (!isTerminal(deps.stdin)) {
    throw new CliError(
      'CLI_NO_PASSWORD',
      'the keystores need a password: give --password-file, set IYI_KEYS_PASSWORD, or let --generate-password make one',
    )
  }
  const ask = (question: string) => askHidden(question, { stdin: deps.stdin, out: deps.stderr })
  const password = strong(await ask('Password for the new keys: '))
  if ((await ask('The same again: ')) !== password) {
    throw new CliError('CLI_PASSWORD_MISMATCH', 'the two entries differ: try again; nothing was written')
  }
  return { password, file: null }
}

function strong(password: string): string {
  if (password.length >= MIN_LENGTH) return password
  throw new CliError(
    'CLI_WEAK_PASSWORD',
    `the password needs at least ${MIN_LENGTH} characters; nothing was written`,
  )
}
