import { IyiError } from '../ports/errors.ts'

export interface ConfigFault {
  /** The key, e.g. `chains.0.rpc`; empty for the file as a whole. */
  readonly path: string
  /** `file`, or the environment variable that set the value. */
  readonly from: string
  /** What is wrong; never the value itself, which may be a secret. */
  readonly message: string
  /** What to do about it. */
  readonly remedy: string
}

export type ConfigCode =
  | 'CONFIG_NOT_FOUND'
  | 'CONFIG_UNREADABLE'
  | 'CONFIG_SYNTAX'
  | 'CONFIG_INVALID'
  | 'CONFIG_NO_PASSWORD'

/** The configuration can't be used. `data.faults` holds every fault at once. */
export class ConfigError extends IyiError<
  ConfigCode,
  { readonly path: string; readonly faults: readonly ConfigFault[] }
> {
  constructor(
    code: ConfigCode,
    message: string,
    data: { readonly path: string; readonly faults?: readonly ConfigFault[]; readonly cause?: unknown },
  ) {
    super(code, message, { data: { path: data.path, faults: data.faults ?? [] }, cause: data.cause })
  }
}

/** The error of a configuration whose values are wrong: its message lists every fault with its remedy. */
export function invalidConfig(path: string, faults: readonly ConfigFault[]): ConfigError {
  const lines = faults.map(({ path: key, from, message, remedy }) => {
    const where = [key, from === 'file' ? '' : `(from ${from})`].filter((part) => part !== '').join(' ')
    return `  ${where === '' ? '' : `${where}: `}${message}\n    -> ${remedy}`
  })
  const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`
  return new ConfigError('CONFIG_INVALID', `${count} in ${path}:\n${lines.join('\n')}`, { path, faults })
}
