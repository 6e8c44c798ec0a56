import { globSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT_ROOT } from '../artifacts.ts'
import { runNode } from './child.ts'
import { reachedFrom } from './reach.ts'

/** How a stage ended: `failed` says by what. A hang proves a bug only if the stage is quick without one. */
export interface Verdict {
  readonly end: 'passed' | 'failed' | 'hung'
  readonly by: string
  readonly ms: number
}

/** Something that a mutant has to survive, run in a workspace. */
export interface Stage {
  readonly kind: 'histories' | 'tests'
  /** Of histories, or of test files. */
  readonly size: number
  readonly key: string
  run(root: string, limitMs: number): Promise<Verdict>
}

const HISTORIES = 'scripts/mutants/histories.ts'
/** The full list of mutants is not for the mutated, and the histories of this test are played before and after. */
const NOT_HERE = ['test/quorum/mutants.test.ts', 'test/quorum/simulation.test.ts']
const ELSEWHERE = [
  'test/plugins/oracle/outcome.test.ts',
  'test/adapters/postgres/signing-history.test.ts',
  'test/compliance/postgres.test.ts',
]

/** The engine's unit tests, and those of the two steps outside it that a signature rests on. */
export const TEST_FILES: readonly string[] = [
  ...globSync('test/quorum/*.test.ts', { cwd: PROJECT_ROOT }).map((path) => path.replaceAll('\\', '/')),
  ...ELSEWHERE,
].filter((file) => !NOT_HERE.includes(file))

/** Whether any of these files runs in the simulation. */
export function takePartInHistories(files: readonly string[]): boolean {
  const reached = reachedFrom(HISTORIES)
  return files.some((file) => reached.has(file))
}

/** Histories of the seeds from `from` on. */
export function historyStage(from: number, count: number): Stage {
  return {
    kind: 'histories',
    size: count,
    key: `histories ${from}+${count}`,
    async run(root, limitMs) {
      const args = ['--max-old-space-size=1536', HISTORIES, String(from), String(count)]
      const { code, output, timedOut, ms } = await runNode(args, { cwd: root, limitMs })
      if (timedOut) return { end: 'hung', by: 'simulation: hangs', ms }
      if (code === 0) return { end: 'passed', by: '', ms }
      const line = output.split('\n').find((each) => each.startsWith('{"seed"'))
      if (line === undefined) return { end: 'failed', by: `simulation: breaks (${lastLine(output)})`, ms }
      const { seed, rule, message } = JSON.parse(line) as { seed: number; rule: string; message: string }
      // The message repeats seed and rule, behind the time.
      const why = firstLine(message).replace(/^seed \d+, t=[\d.]+ ms, [\w-]+: /, '')
      return { end: 'failed', by: `simulation, seed ${seed}: ${rule}: ${why}`, ms }
    },
  }
}

interface VitestJson {
  readonly testResults: readonly {
    readonly name: string
    readonly message: string
    readonly startTime: number
    readonly endTime: number
    readonly assertionResults: readonly {
      readonly status: string
      readonly fullName: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

/** What each test file took without a mutant, milliseconds: the quickest go first. */
const durations = new Map<string, number>()

/** The unit tests that run any of these files. */
export function testStage(files: readonly string[]): Stage {
  const chosen = TEST_FILES.filter((test) => {
    const reached = reachedFrom(test)
    return files.some((file) => reached.has(file))
  }).sort((a, b) => (durations.get(a) ?? 0) - (durations.get(b) ?? 0))
  return {
    kind: 'tests',
    size: chosen.length,
    key: `tests ${chosen.join(' ')}`,
    async run(root, limitMs) {
      if (chosen.length === 0) return { end: 'passed', by: '', ms: 0 }
      const report = join(root, 'vitest.json')
      rmSync(report, { force: true })
      const args = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'scripts/mutants/vitest.config.ts']
      args.push('--root', '.', '--bail', '1', '--reporter', 'json', '--outputFile', report, ...chosen)
      const env = { IYI_MUTANTS_ORDER: chosen.join(), CI: '1' }
      const { code, output, timedOut, ms } = await runNode(args, { cwd: root, limitMs, env })
      if (timedOut) return { end: 'hung', by: 'unit tests: hang', ms }
      const told = read(report)
      if (told === null) return { end: 'failed', by: `unit tests: break (${lastLine(output)})`, ms }
      if (code === 0) {
        for (const { name, startTime, endTime } of told.testResults)
          durations.set(pathOf(root, name), endTime - startTime)
        return { end: 'passed', by: '', ms }
      }
      return { ...failure(root, told), ms }
    },
  }
}

function failure(root: string, { testResults }: VitestJson): Omit<Verdict, 'ms'> {
  for (const { name, message, assertionResults } of testResults) {
    const file = pathOf(root, name).replace(/^test\//, '')
    const failed = assertionResults.find(({ status }) => status === 'failed')
    if (failed !== undefined) {
      const late = failed.failureMessages.some((text) => /timed out in \d+ms/i.test(text))
      return { end: late ? 'hung' : 'failed', by: `${file}: ${failed.fullName}` }
    }
    if (message !== '') return { end: 'failed', by: `${file}: ${firstLine(message)}` }
  }
  return { end: 'failed', by: 'unit tests: a fault outside of any test' }
}

function read(report: string): VitestJson | null {
  try {
    return JSON.parse(readFileSync(report, 'utf8')) as VitestJson
  } catch {
    return null
  }
}

function pathOf(root: string, name: string): string {
  const at = name.indexOf('/test/')
  return name.startsWith(root) ? name.slice(root.length + 1) : name.slice(at + 1)
}

const firstLine = (text: string) => text.split('\n')[0] ?? ''
const lastLine = (text: string) => text.trim().split('\n').at(-1) ?? ''
