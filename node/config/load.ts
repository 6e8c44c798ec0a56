import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { applyEnv, type Env } from './env.ts'
import { ConfigError, type ConfigFault, invalidConfig } from './errors.ts'
import { faultsOf } from './issues.ts'
import { withOutboxPaths } from './outbox-schema.ts'
import { type NodeConfig, nodeConfigSchema } from './schema.ts'
import { isTree, valueAt } from './tree.ts'
import { parseYaml } from './yaml-file.ts'

/** Where a configuration came from. */
export interface ConfigSource {
  /** Absolute path of the file. */
  readonly path: string
  /** Its folder: what relative paths, and plugins given by path, are relative to. */
  readonly baseDir: string
  /** Environment variables that took part. */
  readonly overrides: readonly string[]
}

export interface LoadedConfig {
  readonly config: NodeConfig
  readonly source: ConfigSource
}

/**
 * Reads the YAML file at `path`, lays the environment over it and checks everything. Throws `ConfigError`:
 * `CONFIG_NOT_FOUND`, `CONFIG_UNREADABLE`, `CONFIG_SYNTAX`, or `CONFIG_INVALID` with every fault at once.
 */
export function loadConfig(options: { readonly path: string; readonly env: Env }): LoadedConfig {
  const path = resolve(options.path)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
    throw missing
      ? new ConfigError(
          'CONFIG_NOT_FOUND',
          `there is no configuration at ${path}: write one with "iyi init"`,
          {
            path,
            cause,
          },
        )
      : new ConfigError(
          'CONFIG_UNREADABLE',
          `the configuration at ${path} can't be read: check its permissions`,
          {
            path,
            cause,
          },
        )
  }
  const { value, faults } = parseYaml(text)
  if (value === null && faults.length > 0) {
    throw new ConfigError(
      'CONFIG_SYNTAX',
      `${path} is not valid YAML:\n${faults.map((fault) => `  ${fault.message}`).join('\n')}`,
      { path, faults },
    )
  }
  return parse({ value, faults, path, env: options.env })
}

/**
 * Checks a configuration that was made in memory, as if it had been read from `path` (which need not exist). Throws
 * `ConfigError` `CONFIG_INVALID` with every fault at once.
 */
export function parseConfig(options: {
  readonly value: unknown
  readonly path: string
  readonly env?: Env
}): LoadedConfig {
  return parse({ value: options.value, faults: [], path: resolve(options.path), env: options.env ?? {} })
}

function parse(options: {
  readonly value: unknown
  readonly faults: readonly ConfigFault[]
  readonly path: string
  readonly env: Env
}): LoadedConfig {
  const { path } = options
  // An empty file is an empty configuration; its missing keys are the faults to tell.
  const file = options.value ?? {}
  const merged = applyEnv(file, options.env)
  const faults = [...options.faults, ...merged.faults, ...inlineSecrets(file)]
  const result = nodeConfigSchema.safeParse(merged.value)
  if (!result.success) {
    faults.push(...result.error.issues.flatMap((issue) => faultsOf(issue, merged.value, merged.sources)))
  }
  if (faults.length > 0 || !result.success) throw invalidConfig(path, faults)
  const baseDir = dirname(path)
  return {
    config: deepFreeze(withAbsolutePaths(result.data, baseDir)),
    source: { path, baseDir, overrides: [...new Set(merged.sources.values())] },
  }
}

/** The file is backed up, shown and shared; the environment is not. So a password in it is refused, not just hidden. */
function inlineSecrets(file: unknown): readonly ConfigFault[] {
  const url = isTree(file) ? valueAt(file, ['database', 'url']) : undefined
  if (typeof url !== 'string' || !URL.canParse(url) || new URL(url).password === '') return []
  return [
    {
      path: 'database.url',
      from: 'file',
      message: 'holds a password',
      remedy:
        'remove it from the file: put it into database.passwordFile, or give the whole URL as DATABASE_URL',
    },
  ]
}

function withAbsolutePaths(config: NodeConfig, baseDir: string): NodeConfig {
  const at = (path: string) => resolve(baseDir, path)
  const { passwordFile } = config.keys
  const { tokenFile } = config.inference.server
  const { passwordFile: databasePassword } = config.database
  return {
    ...config,
    dataDir: at(config.dataDir),
    database: {
      ...config.database,
      ...(databasePassword === undefined ? {} : { passwordFile: at(databasePassword) }),
    },
    keys: {
      dir: at(config.keys.dir),
      ...(passwordFile === undefined ? {} : { passwordFile: at(passwordFile) }),
    },
    indexer: {
      ...config.indexer,
      contracts: config.indexer.contracts.map(({ factory, ...contract }) => ({
        ...contract,
        abi: at(contract.abi),
        ...(factory === undefined ? {} : { factory: { ...factory, abi: at(factory.abi) } }),
      })),
    },
    outbox: withOutboxPaths(config.outbox, at),
    inference: {
      ...config.inference,
      manifest: config.inference.manifest === 'builtin' ? 'builtin' : at(config.inference.manifest),
      server: {
        ...config.inference.server,
        ...(tokenFile === undefined ? {} : { tokenFile: at(tokenFile) }),
      },
    },
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const entry of Object.values(value)) deepFreeze(entry)
  }
  return value
}
