import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { alive, killAll, type Process, processTree } from '../../e2e/kit/processes.ts'
import { until } from '../../e2e/kit/until.ts'

const running: { parent: ChildProcess; all: Process[] }[] = []
const cleaning: (() => void)[] = []
afterEach(() => {
  for (const clean of cleaning.splice(0)) clean()
  for (const { parent, all } of running.splice(0)) {
    parent.kill('SIGKILL')
    killAll(all)
  }
})

/** A parent with one program of each kind, and its guardian, all up. */
async function family(kinds: readonly ('normal' | 'stubborn' | 'released')[]) {
  const parent = fork(fileURLToPath(new URL('./doomed-parent.ts', import.meta.url)), kinds, {
    silent: true,
    execArgv: [],
  })
  let output = ''
  parent.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  const pids = await until(
    'the programs are up',
    () => output.includes('\n') && (JSON.parse(output) as number[]),
    {
      withinMs: 20_000,
    },
  )
  const tree = processTree(parent.pid ?? 0)
  const all = tree.filter(({ pid }) => pid !== parent.pid)
  running.push({ parent, all })
  const guardian = all.filter(({ command }) => command.includes('guardian-child'))
  expect(guardian).toHaveLength(1)
  return { parent, guardian, programs: pids.map((pid) => all.filter((entry) => entry.pid === pid)) }
}

const gone = (processes: readonly Process[], withinMs: number) =>
  until('they have ended', () => alive(processes).length === 0, {
    withinMs,
    saw: () => JSON.stringify(alive(processes)),
  })

// /proc is how the guardian itself tells a process from a later one with its id.
describe.runIf(process.platform === 'linux')('guardian', () => {
  test('kill -9 of the parent ends its programs, also one that ignores SIGTERM, within 10 s', async () => {
    const { parent, guardian, programs } = await family(['normal', 'stubborn'])
    parent.kill('SIGKILL')
    await gone([...programs.flat(), ...guardian], 10_000)
  })

  test('a program that was released is left alone', async () => {
    const { parent, guardian, programs } = await family(['released', 'normal'])
    const [released = [], normal = []] = programs
    parent.kill('SIGKILL')
    await gone([...normal, ...guardian], 10_000)
    expect(alive(released)).toHaveLength(1)
  })

  test('close leaves what was released alone, and ends what nobody could: also what ignores SIGTERM', async () => {
    const { parent, guardian, programs } = await family(['released', 'normal', 'stubborn'])
    const [released = [], ...watched] = programs
    parent.send('close')
    await gone([...watched.flat(), ...guardian], 10_000)
    expect(alive(released)).toHaveLength(1)
    expect(parent.exitCode).toBeNull()
  })

  test('close with nothing watched just ends the guardian', async () => {
    const { parent, guardian, programs } = await family(['released'])
    parent.send('close')
    await gone(guardian, 2_000)
    expect(alive(programs.flat())).toHaveLength(1)
  })

  test('a guardian that was killed is replaced, and the new one knows the programs', async () => {
    const { parent, guardian, programs } = await family(['normal'])
    killAll(guardian)
    const second = await until(
      'another guardian is up',
      () => {
        const found = processTree(parent.pid ?? 0).filter(({ command }) => command.includes('guardian-child'))
        return found.length > 0 && alive(guardian).length === 0 && found
      },
      { withinMs: 10_000 },
    )
    running.at(-1)?.all.push(...second)
    parent.kill('SIGKILL')
    await gone([...programs.flat(), ...second], 10_000)
  })

  test('a process that has the id of a watched one by now is not ended', async () => {
    const { program, looks, guardian, ended } = await guardianAlone()
    await looks(1_000)
    guardian.disconnect()
    await looks(2_000)
    await ended
    expect(alive([program])).toHaveLength(1)
  })

  test('signals, as a terminal or a supervisor sends them to everybody, do not disarm it', async () => {
    const { program, looks, guardian, ended, forget } = await guardianAlone()
    await looks(1_000)
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.kill(guardian.pid ?? 0, name)
    guardian.disconnect()
    await looks(1_000)
    forget()
    await gone([program], 10_000)
    await ended
  })
})

/** A guardian that watches one program, and whose looks at the program's start time are answered one by one. */
async function guardianAlone() {
  const { programs } = await family(['released'])
  const [program] = programs.flat()
  if (program === undefined) throw new Error('no program')
  const proc = mkdtempSync(join(tmpdir(), 'iyi-proc-'))
  const stat = join(proc, String(program.pid), 'stat')
  mkdirSync(dirname(stat))
  execFileSync('mkfifo', [stat])
  const child = fileURLToPath(new URL('../../../node/adapters/process/guardian-child.ts', import.meta.url))
  const guardian = fork(child, [proc], { stdio: 'ignore', execArgv: [] })
  const forget = () => rmSync(proc, { recursive: true, force: true })
  cleaning.push(() => {
    guardian.kill('SIGKILL')
    forget()
  })
  const ended = new Promise((resolve) => guardian.once('exit', resolve))
  guardian.send({ watch: program.pid })
  return {
    program,
    guardian,
    ended,
    forget,
    /** Resolves once the guardian has looked, and got this answer. */
    async looks(started: number) {
      const fields = ['S', ...Array.from({ length: 18 }, () => '0'), String(started), '0']
      // The name of a program may hold anything, also what looks like its end.
      await writeFile(stat, `${program.pid} (a) b (c) ${fields.join(' ')}\n`)
      // While it has the pipe open, another answer would only lengthen this one.
      await until('the guardian has read it', () => !openFiles(guardian.pid).includes(stat), {
        withinMs: 10_000,
      })
    },
  }
}

/** Paths of what a process has open. */
function openFiles(pid = 0): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`)]
      } catch {
        return []
      }
    })
  } catch {
    return []
  }
}
