import { mkdir, stat, writeFile } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve } from 'node:path'
import { configTemplate } from '../../config/template.ts'
import type { CliDeps, KeystoreSummary } from '../deps.ts'
import { CliError } from '../errors.ts'
import { missingKeys } from '../missing-keys.ts'
import { newPassword } from '../new-password.ts'

export interface InitOptions {
  readonly dir: string
  readonly force: boolean
  readonly passwordFile: string | null
  readonly generatePassword: boolean
  /** First of five ports in a row, in place of the usual ones. */
  readonly portBase?: number
}

/** A chain that works out of the box with a local development chain. */
const SKELETON_CHAIN = { id: 31_337, name: 'local', rpc: ['http://127.0.0.1:8545'] }

/**
 * Writes a commented `iyi.yaml` and the keys of a validator. Keys that exist are kept, whatever the options say; a
 * configuration that exists is overwritten by `force` only. Rejects with `CliError`.
 */
export async function init(options: InitOptions, deps: CliDeps): Promise<void> {
  const dir = resolve(options.dir)
  const configPath = join(dir, 'iyi.yaml')
  const keysDir = join(dir, 'keys')
  if (!options.force && (await exists(configPath))) {
    throw new CliError(
      'CLI_FILE_EXISTS',
      `${configPath} exists already: --force overwrites it (never the keys)`,
      {
        path: configPath,
      },
    )
  }
  const given = options.passwordFile === null ? null : resolve(options.passwordFile)
  const present = await deps.listKeystores({ dir: keysDir })
  const { keys, file } =
    present.length > 0
      ? { keys: present, file: given ?? (await generatedBefore(keysDir)) }
      : await createKeys(keysDir, given, options, deps)

  await mkdir(dir, { recursive: true })
  const passwordFile = file === null ? {} : { keys: { passwordFile: portable(dir, file) } }
  await writeFile(
    configPath,
    configTemplate({ chains: [SKELETON_CHAIN], ...passwordFile, ...portsFrom(options.portBase) }),
    {
      flag: options.force ? 'w' : 'wx',
      // Addresses of chains hold keys of their providers.
      mode: 0o600,
    },
  )
  deps.stdout.write(`wrote ${configPath}\n`)
  if (file !== null && options.generatePassword && present.length === 0)
    deps.stdout.write(`wrote ${file}: keep a copy, without it the keys are lost\n`)
  deps.stdout.write(present.length > 0 ? `kept the keys in ${keysDir}\n` : `made keys in ${keysDir}\n`)
  const width = Math.max(0, ...keys.map((key) => key.role.length))
  for (const key of keys) deps.stdout.write(`  ${key.role.padEnd(width)}  ${key.identity}\n`)
  const missing = missingKeys(keysDir, keys, deps)
  if (missing !== null)
    throw new CliError('CLI_KEYS_MISSING', `${missing.message}: ${missing.remedy}`, { path: keysDir })
  deps.stdout.write(`next: set your chains in ${configPath}, then: npx iyi start --config ${configPath}\n`)
}

/** Ports for a node that shares its machine with others. */
function portsFrom(base: number | undefined) {
  if (base === undefined) return {}
  return {
    database: { port: base },
    indexer: { port: base + 1 },
    network: { listen: [`/ip4/127.0.0.1/tcp/${base + 2}`] },
    api: { port: base + 3 },
    admin: { port: base + 4 },
  }
}

async function createKeys(
  dir: string,
  passwordFile: string | null,
  options: InitOptions,
  deps: CliDeps,
): Promise<{ keys: readonly KeystoreSummary[]; file: string | null }> {
  const generateTo = options.generatePassword ? generatedFile(dir) : null
  const { password, file } = await newPassword({ passwordFile, generateTo }, deps)
  return { keys: await deps.createKeystores({ dir, password }), file }
}

/** Where `--generate-password` puts the password of the keys in `dir`. */
function generatedFile(dir: string): string {
  return join(dir, 'password')
}

async function generatedBefore(dir: string): Promise<string | null> {
  const file = generatedFile(dir)
  return (await exists(file)) ? file : null
}

/** A path inside `dir` is written relative to it, so that the folder can move. */
function portable(dir: string, path: string): string {
  const inside = relative(dir, path)
  return inside.startsWith('..') || isAbsolute(inside) ? path : inside
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
