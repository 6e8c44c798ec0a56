import { variableName } from './env.ts'
import { configShape, entriesOf, type Shape } from './shape.ts'

/** The reference of the configuration as Markdown, from the schema: the text of `docs/config.md`. */
export function configReference(): string {
  const top = Object.entries(configShape.properties ?? {})
  const scalars = top.filter(([key, shape]) => keysOf([key], shape, true) === null)
  const sections = top.flatMap(([key, shape]) => section([key], shape))
  return [
    '# Configuration',
    '',
    '<!-- Generated from node/config/schema.ts by scripts/generate-docs.ts. Do not edit. -->',
    '',
    'One YAML file, by default `iyi.yaml`; `iyi init` writes one with these texts as comments. An unknown key is refused,',
    'every fault is told at once, and `iyi config check` prints what is in effect, with secrets masked. Relative paths',
    "are relative to the file's folder.",
    '',
    'The environment overrides the file: `IYI_<SECTION>__<KEY>`, for example `IYI_API__PORT=9000`; entries of a list by',
    'index (`IYI_CHAINS__0__RPC=https://a,https://b`); lists with commas or in YAML. An empty variable counts as absent.',
    'What has no variable of its own is set in the file, or with the key that it stands in. `{key}` is a key that you choose.',
    '',
    'Secrets stand apart from the file:',
    '',
    '| variable | is |',
    '|---|---|',
    '| `DATABASE_URL` | address of an external PostgreSQL, password included; means `database.mode: external` |',
    '| `IYI_KEYS_PASSWORD` | password of the keystores; wins over `keys.passwordFile` |',
    '',
    'A password inside `database.url` of the file is refused. Whole numbers that are too large to be kept exactly must',
    'be quoted; `0x...` is always text.',
    '',
    '## The node',
    '',
    ...table({ path: [], properties: Object.fromEntries(scalars), required: [], hasVariables: true }),
    '',
    ...sections,
  ].join('\n')
}

/** Stands for a key that the operator chooses, such as a model's id. */
const ANY_KEY = '{key}'

type Path = readonly (string | number)[]

/** The keys of an object, and where they stand: in it, in the entries of a list, or under keys of the operator's own. */
interface Keys {
  readonly path: Path
  readonly properties: Readonly<Record<string, Shape>>
  readonly required: readonly string[]
  /** Each can be set by a variable of its own. */
  readonly hasVariables: boolean
}

/** A table, then those of what is nested in it. */
function section(path: Path, shape: Shape, hasVariables = true): readonly string[] {
  const found = keysOf(path, shape, hasVariables)
  if (found === null) return []
  const name = found.path.map((part) => (part === 0 ? '[]' : `.${part}`)).join('')
  return [
    `${path.length === 1 ? '##' : '###'} ${name.slice(1)}`,
    '',
    shape.description ?? '',
    '',
    // A section that is there by default needs none of its keys.
    ...table(found.path.length > 1 ? found : { ...found, required: [] }),
    '',
    ...Object.entries(found.properties).flatMap(([key, child]) =>
      section([...found.path, key], child, found.hasVariables),
    ),
  ]
}

function keysOf(path: Path, shape: Shape, hasVariables: boolean): Keys | null {
  const { properties, required = [], items, anyOf = [] } = shape
  if (properties !== undefined) return { path, properties, required, hasVariables }
  if (items !== undefined) return keysOf([...path, 0], items, hasVariables)
  const entries = entriesOf(shape)
  if (entries !== undefined) return keysOf([...path, ANY_KEY], entries, false)
  for (const option of anyOf) {
    const found = keysOf(path, option, false)
    if (found !== null) return found
  }
  return null
}

function table({ path, properties, required, hasVariables }: Keys): readonly string[] {
  const rows = Object.entries(properties).map(([key, shape]) => {
    const fallback =
      shape.default === undefined ? (required.includes(key) ? 'required' : '') : code(shape.default)
    const variable = shape.type === 'object' || !hasVariables ? '' : `\`${variableName([...path, key])}\``
    return `| \`${key}\` | ${typeText(shape)} | ${fallback} | ${variable} | ${cell(shape.description ?? '')} |`
  })
  return ['| key | type | default | variable | |', '|---|---|---|---|---|', ...rows]
}

function typeText(shape: Shape): string {
  if (shape.enum !== undefined) return shape.enum.map((name) => `\`${name}\``).join(', ')
  if (shape.anyOf !== undefined) return shape.anyOf.map(typeText).join(' or ')
  if (shape.type === 'array') return `list of ${shape.items === undefined ? 'values' : typeText(shape.items)}`
  if (shape.type === 'object' && shape.properties !== undefined)
    return `{ ${Object.keys(shape.properties).join(', ')} }`
  const entries = entriesOf(shape)
  if (entries?.properties !== undefined) return `${typeText(entries)} by key`
  return shape.type ?? 'any'
}

function code(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
