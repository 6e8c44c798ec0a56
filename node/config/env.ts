import type { ConfigFault } from './errors.ts'
import { nearest } from './nearest.ts'
import { configShape, own, type Shape } from './shape.ts'
import { type Path, pathText, withValue } from './tree.ts'
import { parseYaml } from './yaml-file.ts'

export type Env = Readonly<Record<string, string | undefined>>

/** Variables of the same prefix that are no configuration keys. */
const RESERVED = new Set(['IYI_KEYS_PASSWORD'])

/** `maxBodyBytes` and `MAX_BODY_BYTES` are one key. */
const plain = (key: string) => key.replaceAll('_', '').toLowerCase()

/**
 * Lays the environment over a configuration: `IYI_API__PORT` is `api.port`, `IYI_CHAINS__0__RPC` is `chains[0].rpc`
 * (lists with commas, or in YAML), and `DATABASE_URL` is `database.url` with mode `external`. Empty variables count as
 * absent. Gives the values' sources by key, and a fault for each variable that names no key.
 */
export function applyEnv(
  root: unknown,
  env: Env,
): {
  readonly value: unknown
  readonly sources: ReadonlyMap<string, string>
  readonly faults: readonly ConfigFault[]
} {
  const sources = new Map<string, string>()
  const faults: ConfigFault[] = []
  let value = root
  const set = (name: string, path: Path, entry: unknown) => {
    const next = withValue(value, path, entry)
    if (next === null) {
      faults.push({
        path: pathText(path),
        from: name,
        message: 'there is no such entry to override',
        remedy: 'a list takes the index of an entry that it has, or the next one',
      })
      return
    }
    value = next
    sources.set(pathText(path), name)
  }
  const url = env.DATABASE_URL
  if (url !== undefined && url !== '') {
    set('DATABASE_URL', ['database', 'url'], url)
    set('DATABASE_URL', ['database', 'mode'], 'external')
  }
  for (const name of Object.keys(env).sort()) {
    const text = env[name]
    if (!name.startsWith('IYI_') || RESERVED.has(name) || text === undefined || text === '') continue
    const segments = name.slice('IYI_'.length).split('__')
    const found = find(segments)
    if (found !== null) {
      const entry = read(found.shape, text)
      if (entry.faults.length === 0) set(name, found.path, entry.value)
      faults.push(...entry.faults.map((fault) => ({ ...fault, path: pathText(found.path), from: name })))
    } else if (segments.length > 1) {
      const close = nearest(name, variableNames())
      faults.push({
        path: '',
        from: name,
        message: 'no configuration key has this name',
        remedy: close === null ? 'unset it; docs/config.md lists the names' : `did you mean ${close}?`,
      })
    }
    // A name without "__" that is no top-level key may be another program's: it is left alone.
  }
  return { value, sources, faults }
}

function find(segments: readonly string[]): { path: Path; shape: Shape } | null {
  const path: (string | number)[] = []
  let shape: Shape = configShape
  for (const segment of segments) {
    if (shape.items !== undefined && /^\d{1,3}$/.test(segment)) {
      path.push(Number(segment))
      shape = shape.items
      continue
    }
    const key = Object.keys(shape.properties ?? {}).find((known) => plain(known) === plain(segment))
    const next = key === undefined ? undefined : own(shape.properties, key)
    if (key === undefined || next === undefined) return null
    path.push(key)
    shape = next
  }
  return { path, shape }
}

/** Whether a plain string will do. */
function isText(shape: Shape | undefined): boolean {
  return shape?.type === 'string' || shape?.anyOf?.some(({ type }) => type === 'string') === true
}

function read(shape: Shape, text: string): { value: unknown; faults: readonly ConfigFault[] } {
  if (shape.type === 'string') return { value: text, faults: [] }
  if (shape.type === 'array' && isText(shape.items) && !text.trimStart().startsWith('[')) {
    return {
      value: text
        .split(',')
        .map((entry) => entry.trim())
        .filter((entry) => entry !== ''),
      faults: [],
    }
  }
  return parseYaml(text)
}

/** `IYI_API__MAX_BODY_BYTES`, for a key such as `['api', 'maxBodyBytes']`. */
export function variableName(path: Path): string {
  const words = path.map((key) =>
    String(key)
      .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
      .toUpperCase(),
  )
  return `IYI_${words.join('__')}`
}

function variableNames(shape: Shape = configShape, path: Path = []): readonly string[] {
  return Object.entries(shape.properties ?? {}).flatMap(([key, child]) => [
    variableName([...path, key]),
    ...variableNames(child, [...path, key]),
  ])
}
