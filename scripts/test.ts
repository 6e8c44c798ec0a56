// `npm test [-- name...]`: every check and test, in the order in which they fail fastest. With names only those steps.
// Ends with one line: `N passed, N failed[, N skipped]`.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { PROJECT_ROOT } from './artifacts.ts'

interface Counts {
  passed: number
  failed: number
  skipped: number
}

interface Step {
  readonly name: string
  readonly what: string
  /** What mends most failures. */
  readonly remedy?: string
  readonly args: readonly string[]
  /** Reads the step's own closing lines; without it a step counts as one test. */
  readonly count?: (output: string) => Counts | null
}

const bin = (...path: string[]) => join(PROJECT_ROOT, 'node_modules', ...path)
const hardhat = bin('hardhat', 'dist', 'src', 'cli.js')

const steps: readonly Step[] = [
  {
    name: 'lint',
    what: 'format and lint',
    remedy: 'npm run format',
    args: [bin('@biomejs', 'biome', 'bin', 'biome'), 'check', '--error-on-warnings'],
  },
  {
    name: 'types',
    what: 'type check',
    args: [bin('typescript', 'bin', 'tsc'), '--noEmit', '-p', 'tsconfig.json'],
  },
  { name: 'contracts', what: 'compile the contracts', args: [hardhat, 'build', '--quiet'] },
  {
    name: 'generated',
    what: 'generated files are current',
    remedy: 'npm run generate',
    args: ['scripts/generate.ts', '--check'],
  },
  {
    name: 'solidity',
    what: 'Solidity fuzz and invariant tests',
    args: [hardhat, 'test', 'solidity', '--no-compile'],
    count: countHardhat,
  },
  {
    name: 'vitest',
    what: 'unit, compliance, integration and end-to-end tests',
    args: [bin('vitest', 'vitest.mjs'), 'run'],
    count: countVitest,
  },
]

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !steps.some((step) => step.name === name))
if (unknown.length > 0) {
  process.stderr.write(
    `no such step: ${unknown.join(', ')}; there are ${steps.map((step) => step.name).join(', ')}\n`,
  )
  process.exit(1)
}

const total: Counts = { passed: 0, failed: 0, skipped: 0 }
const summary: string[] = []
for (const step of steps.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  process.stdout.write(`\n=== ${step.name}: ${step.what}\n`)
  const began = Date.now()
  const { code, output } = await run(step.args)
  const counts = step.count?.(output) ?? {
    passed: code === 0 ? 1 : 0,
    failed: code === 0 ? 0 : 1,
    skipped: 0,
  }
  // A runner that failed without counting a failure (a crash, an empty run) has failed all the same.
  if (code !== 0 && counts.failed === 0) counts.failed = 1
  if (code === 0 && counts.passed === 0) counts.failed += 1
  for (const key of ['passed', 'failed', 'skipped'] as const) total[key] += counts[key]
  const seconds = ((Date.now() - began) / 1000).toFixed(1)
  const remedy = counts.failed > 0 && step.remedy !== undefined ? `  (try: ${step.remedy})` : ''
  summary.push(
    `${counts.failed === 0 ? 'ok  ' : 'FAIL'} ${step.name.padEnd(10)} ${String(counts.passed).padStart(5)} passed ${counts.failed} failed  ${seconds} s${remedy}`,
  )
}
process.stdout.write(`\n${summary.join('\n')}\n\n`)
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : ''
process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`)
process.exit(total.failed === 0 ? 0 : 1)

function run(args: readonly string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: PROJECT_ROOT,
      env: {
        ...process.env,
        FORCE_COLOR: process.stdout.isTTY ? '1' : '0',
        HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    const keep = (to: NodeJS.WriteStream) => (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-100_000)
      to.write(chunk)
    }
    child.stdout.on('data', keep(process.stdout))
    child.stderr.on('data', keep(process.stderr))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
}

/** Vitest's `Tests  3 failed | 120 passed | 1 skipped (124)`. */
function countVitest(output: string): Counts | null {
  const line = /^\s*Tests\s+(.*)$/m.exec(stripVTControlCharacters(output))?.[1]
  if (line === undefined) return null
  const of = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(line)?.[1] ?? 0)
  return { passed: of('passed'), failed: of('failed'), skipped: of('skipped') }
}

/** Hardhat's `12 passing`, `1 failing`. */
function countHardhat(output: string): Counts | null {
  const text = stripVTControlCharacters(output)
  const of = (word: string) =>
    [...text.matchAll(new RegExp(`(\\d+) ${word}`, 'g'))].reduce((sum, found) => sum + Number(found[1]), 0)
  const passed = of('passing')
  return passed === 0 ? null : { passed, failed: of('failing'), skipped: of('skipped') }
}
