// Writes docs/licences.md from the installed packages, and refuses a package whose licence nobody has looked at.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT_ROOT } from './artifacts.ts'

interface Package {
  readonly name: string
  readonly version: string
  readonly licence: string
  readonly direct: boolean
}

const PERMISSIVE = new Set([
  'MIT',
  'MIT-0',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'Unlicense',
  'CC0-1.0',
  'CC-BY-4.0',
  'BlueOak-1.0.0',
  'Python-2.0',
  'Zlib',
  'PostgreSQL',
  'WTFPL',
  'Artistic-2.0',
])
const COPYLEFT = /^(A?GPL|LGPL|MPL|EPL|CDDL)/
const SOURCE_AVAILABLE = /^(BUSL|BSL-1\.1|LZBL|SSPL|Elastic|FSL)/
/** Packages that name no SPDX licence; each was read. */
const READ_BY_HAND: Readonly<Record<string, string>> = {}

const TARGET = join(PROJECT_ROOT, 'docs', 'licences.md')
const manifest = readJson(join(PROJECT_ROOT, 'package.json'))
const direct = new Set([...keys(manifest.dependencies), ...keys(manifest.devDependencies)])

const packages = installed()
const kinds = packages.map((entry) => ({ ...entry, kind: kindOf(entry.licence) }))
const unknown = kinds.filter(({ kind }) => kind === 'unknown')
if (unknown.length > 0) {
  process.stderr.write(
    `packages of a licence that is not classified in scripts/generate-licences.ts:\n${unknown.map(({ name, licence }) => `  ${name}: ${licence}`).join('\n')}\n`,
  )
  process.exit(1)
}
const text = render()
if (process.argv.includes('--check')) {
  if (read(TARGET) !== text) {
    process.stderr.write('docs/licences.md is out of date: run `npm run generate`\n')
    process.exit(1)
  }
} else writeFileSync(TARGET, text)

/** Every package of the lockfile, so that the table is the same on every platform. */
function installed(): Package[] {
  const lock = readJson(join(PROJECT_ROOT, 'package-lock.json')).packages as Record<
    string,
    { version?: string; license?: string; name?: string }
  >
  const found = new Map<string, Package>()
  for (const [path, entry] of Object.entries(lock)) {
    if (path === '') continue
    const name = entry.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const version = entry.version ?? ''
    const licence = READ_BY_HAND[name] ?? entry.license ?? licenceOf(join(PROJECT_ROOT, path)) ?? 'UNKNOWN'
    found.set(`${name}@${version}`, { name, version, licence, direct: direct.has(name) })
  }
  return [...found.values()].sort((a, b) =>
    a.name === b.name ? compare(a.version, b.version) : compare(a.name, b.name),
  )
}

/** For packages whose lockfile entry has no licence: what the package itself says. */
function licenceOf(directory: string): string | null {
  try {
    const { license, licenses } = readJson(join(directory, 'package.json'))
    const named = license ?? licenses
    if (typeof named === 'string') return named
    if (Array.isArray(named)) return named.map((entry) => entry.type ?? entry).join(' OR ')
    if (typeof named === 'object' && named !== null && 'type' in named) return String(named.type)
    const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry))
    return file !== undefined && /\bMIT\b/.test(readFileSync(join(directory, file), 'utf8')) ? 'MIT' : null
  } catch {
    return null
  }
}

function kindOf(licence: string): 'permissive' | 'copyleft' | 'source-available' | 'unknown' {
  const choices = licence
    .replace(/[()]/g, '')
    .split(/ OR /)
    .map((choice) => choice.split(/ AND /).map((part) => part.trim()))
  if (choices.some((parts) => parts.every((part) => PERMISSIVE.has(part)))) return 'permissive'
  const parts = choices.flat()
  if (parts.some((part) => SOURCE_AVAILABLE.test(part))) return 'source-available'
  if (parts.some((part) => COPYLEFT.test(part))) return 'copyleft'
  return 'unknown'
}

function render(): string {
  const marked = kinds.filter(({ kind }) => kind !== 'permissive')
  const row = ({ name, version, licence, kind, direct: isDirect }: (typeof kinds)[number]) =>
    `| ${name} | ${version} | ${licence} | ${kind === 'permissive' ? '' : `**${kind}**`} | ${isDirect ? 'yes' : ''} |`
  return [
    '# Licences of third parties',
    '',
    'Generated from the lockfile by `npm run generate`; a check keeps it current and refuses a licence that nobody has looked at.',
    'Our own code is MIT (see [LICENSE](../LICENSE)).',
    '',
    '## To know before you redistribute: copyleft and source-available',
    '',
    'None of these is copied into this repository; they are installed from the registry and called or imported.',
    '',
    '| package | version | licence | kind | direct |',
    '|---|---|---|---|---|',
    ...marked.map(row),
    '',
    'Of `@chainlink/contracts` only `AggregatorV3Interface.sol` is imported, whose own SPDX line says MIT.',
    '',
    `## All ${kinds.length} packages`,
    '',
    '| package | version | licence | kind | direct |',
    '|---|---|---|---|---|',
    ...kinds.map(row),
    '',
  ].join('\n')
}

function readJson(
  path: string,
): Record<string, unknown> & { dependencies?: unknown; devDependencies?: unknown } {
  return JSON.parse(readFileSync(path, 'utf8'))
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

function keys(value: unknown): string[] {
  return typeof value === 'object' && value !== null ? Object.keys(value) : []
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
