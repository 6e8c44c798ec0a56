import { variableName } from './env.ts'
import { configShape, type Shape } from './shape.ts'

/** The reference of the configuration as Markdown, from the schema: the text of `docs/config.md`. */
export function configReference(): string {
  const top = Object.entries(configShape.properties ?? {})
  const scalars = top.filter(([, shape]) => tableOf(shape) === null)
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
    ...table(Object.fromEntries(scalars), []),
    '',
    ...sections,
  ].join('\n')
}

/** A table, then those of what is nested in it. */
function section(path: readonly (string | number)[], shape: Shape): readonly string[] {
  const found = tableOf(shape)
  if (found === null) return []
  const inside = found.list ? [...path, 0] : path
  const name = inside.map((part) => (part === 0 ? '[]' : `.${part}`)).join('')
  return [
    `${path.length === 1 ? '##' : '###'} ${name.slice(1)}`,
    '',
    shape.description ?? '',
    '',
    ...table(found.properties, inside, found.list || path.length > 1 ? (found.required ?? []) : []),
    '',
    ...Object.entries(found.properties).flatMap(([key, child]) => section([...inside, key], child)),
  ]
}

function tableOf(shape: Shape) {
  if (shape.properties !== undefined)
    return { properties: shape.properties, required: shape.required, list: false }
  if (shape.items?.properties === undefined) return null
  return { properties: shape.items.properties, required: shape.items.required, list: true }
}

function table(
  properties: Readonly<Record<string, Shape>>,
  path: readonly (string | number)[],
  required: readonly string[] = [],
): readonly string[] {
  const rows = Object.entries(properties).map(([key, shape]) => {
    const fallback =
      shape.default === undefined ? (required.includes(key) ? 'required' : '') : code(shape.default)
    const variable = shape.type === 'object' ? '' : `\`${variableName([...path, key])}\``
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
  return shape.type ?? 'any'
}

function code(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
