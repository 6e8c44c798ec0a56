// `npm run bench -- [name...] [--json] [--write]`: the benchmarks whose figures begin with a name (all without one).
// --json prints one object a line; --write puts what was measured into docs/benchmarks.md.
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { PROJECT_ROOT } from '../artifacts.ts'
import type { Figure } from './figure.ts'

/** Is any figure that begins so wanted? A group may leave out what nobody asked for. */
type Wanted = (prefix: string) => boolean

/** All at once at the end, or one after the other as they come. */
type Measured = Promise<readonly Figure[]> | AsyncIterable<Figure>

const groups: Readonly<Record<string, (wanted: Wanted) => Measured>> = {
  gas: async () => (await import('./gas.ts')).gasBenchmarks(),
  quorum: async function* (wanted) {
    yield* (await import('./quorum/index.ts')).quorumBenchmarks(wanted)
  },
  index: async function* (wanted) {
    yield* (await import('./index/index.ts')).indexBenchmarks(wanted)
  },
  inference: async function* (wanted) {
    yield* (await import('./inference/index.ts')).inferenceBenchmarks(wanted)
  },
  latency: async () => (await import('./latency.ts')).latencyBenchmarks(),
}

const TARGET = join(PROJECT_ROOT, 'docs', 'benchmarks.md')
const START = '<!-- figures: written by `npm run bench -- --write` -->'

const args = process.argv.slice(2)
const flags = new Set(args.filter((arg) => arg.startsWith('--')))
const names = args.filter((arg) => !arg.startsWith('--'))
const unknown = [...flags].filter((flag) => flag !== '--json' && flag !== '--write')
const wanted = Object.keys(groups).filter(
  (group) => names.length === 0 || names.some((name) => name === group || name.startsWith(`${group}.`)),
)
const nobodys = names.filter(
  (name) => !Object.keys(groups).some((group) => name === group || name.startsWith(`${group}.`)),
)
if (unknown.length > 0 || nobodys.length > 0) {
  process.stderr.write(
    `unknown: ${[...unknown, ...nobodys].join(', ')}; benchmarks are ${Object.keys(groups).join(', ')}, options --json and --write\n`,
  )
  process.exit(1)
}

const wants: Wanted = (prefix) =>
  names.length === 0 ||
  names.some((name) => name === prefix || name.startsWith(`${prefix}.`) || prefix.startsWith(`${name}.`))

const figures: Figure[] = []
let failed = false
for (const group of wanted) {
  if (!flags.has('--json')) process.stderr.write(`${group} ...\n`)
  try {
    for await (const figure of (await groups[group]?.(wants)) ?? []) take(figure)
  } catch (error) {
    // What was measured is none the worse for it.
    failed = true
    process.stderr.write(`${group} failed: ${error instanceof Error ? error.message : error}\n`)
  }
}
if (flags.has('--write')) write(figures)
process.exit(failed ? 1 : 0)

function take(figure: Figure): void {
  if (names.length > 0 && !names.some((name) => figure.name === name || figure.name.startsWith(`${name}.`)))
    return
  figures.push(figure)
  process.stdout.write(flags.has('--json') ? `${JSON.stringify(figure)}\n` : `${line(figure)}\n`)
}

function line({ name, value, unit, baseline, baselineValue, ratio }: Figure): string {
  return `${name.padEnd(40)} ${show(value).padStart(10)} ${unit.padEnd(10)} ratio ${ratio.toFixed(2)} to ${baseline}: ${show(baselineValue)}`
}

function show(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(4)
}

/** Replaces the rows that were measured now, and keeps the others. */
function write(measured: readonly Figure[]): void {
  const text = readFileSync(TARGET, 'utf8')
  const at = text.indexOf(START)
  if (at < 0) throw new Error(`${TARGET} has lost its line ${START}`)
  const machine = `${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, Node ${process.versions.node}`
  const today = new Date().toISOString().slice(0, 10)
  const rows = new Map<string, string>()
  for (const row of text.slice(at).split('\n')) {
    const name = /^\| `([^`]+)`/.exec(row)?.[1]
    if (name !== undefined) rows.set(name, row)
  }
  for (const { name, value, unit, baseline, baselineValue, ratio } of measured)
    rows.set(
      name,
      `| \`${name}\` | ${show(value)} | ${unit} | ${ratio.toFixed(2)} | ${baseline} | ${show(baselineValue)} | ${today}, ${machine} |`,
    )
  const table = [
    START,
    '',
    '| name | value | unit | ratio | baseline | baseline value | measured |',
    '|---|---|---|---|---|---|---|',
    ...[...rows.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row),
    '',
  ]
  writeFileSync(TARGET, text.slice(0, at) + table.join('\n'))
}
