import { readFileSync } from 'node:fs'
import type { Env } from './env.ts'
import { ConfigError } from './errors.ts'
import type { NodeConfig } from './schema.ts'

/**
 * The password of the keystores from where secrets stand: `IYI_KEYS_PASSWORD`, else `keys.passwordFile`; null when
 * neither is given. Throws `ConfigError` `CONFIG_NO_PASSWORD` when the file can't be read or is empty.
 */
export function configuredPassword(config: Pick<NodeConfig, 'keys'>, env: Env): string | null {
  const fromEnv = env.IYI_KEYS_PASSWORD
  if (fromEnv !== undefined && fromEnv !== '') return fromEnv
  const path = config.keys.passwordFile
  return path === undefined ? null : readPasswordFile(path)
}

/** The first line of a password file, without its line break. Throws `ConfigError` `CONFIG_NO_PASSWORD`. */
export function readPasswordFile(path: string): string {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new ConfigError(
      'CONFIG_NO_PASSWORD',
      `the password file ${path} can't be read: check that it is there`,
      {
        path,
        cause,
      },
    )
  }
  const password = text.split(/\r?\n/)[0] ?? ''
  if (password === '') {
    throw new ConfigError(
      'CONFIG_NO_PASSWORD',
      `the password file ${path} is empty: its first line is the password`,
      {
        path,
      },
    )
  }
  return password
}
