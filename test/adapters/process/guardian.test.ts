import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { alive, killAll, type Process, processTree } from '../../e2e/kit/processes.ts'
import { until } from '../../e2e/kit/until.ts'

const running: { parent: ChildProcess; all: Process[] }[] = []
afterEach(() => {
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
  await until('the guardian listens to signals', () => catchesSignals(guardian[0]?.pid), { withinMs: 10_000 })
  return { parent, guardian, programs: pids.map((pid) => all.filter((entry) => entry.pid === pid)) }
}

/** Whether SIGINT (2) and SIGTERM (15) have a handler, from the mask of caught signals. */
function catchesSignals(pid = 0): boolean {
  const mask = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0'
  const wanted = (1n << 1n) | (1n << 14n)
  return (BigInt(`0x${mask}`) & wanted) === wanted
}

/** Paths of what a process has open. */
function openFiles(pid = 0): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)]
    } catch {
      return []
    }
  })
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

  test('close ends the guardian and nothing else', async () => {
    const { parent, guardian, programs } = await family(['normal'])
    parent.send('close')
    await gone(guardian, 10_000)
    expect(alive(programs.flat())).toHaveLength(1)
  })

  test('a signal to the terminal or to the guardian does not disarm it', async () => {
    const { parent, guardian, programs } = await family(['normal'])
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.kill(guardian[0]?.pid ?? 0, name)
    expect(alive(guardian)).toHaveLength(1)
    parent.kill('SIGKILL')
    await gone([...programs.flat(), ...guardian], 10_000)
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
    const { programs } = await family(['released'])
    const [bystander] = programs.flat()
    if (bystander === undefined) throw new Error('no program')
    const proc = mkdtempSync(join(tmpdir(), 'iyi-proc-'))
    try {
      const stat = join(proc, String(bystander.pid), 'stat')
      mkdirSync(dirname(stat))
      execFileSync('mkfifo', [stat])
      // A pipe: writing into it ends when the guardian has read, so each look gets the answer that is meant for it.
      const answer = (started: number) => {
        const fields = ['S', ...Array.from({ length: 18 }, () => '0'), String(started), '0']
        // The name of a program may hold anything, also what looks like its end.
        return writeFile(stat, `${bystander.pid} (a) b (c) ${fields.join(' ')}\n`)
      }
      const child = fileURLToPath(
        new URL('../../../node/adapters/process/guardian-child.ts', import.meta.url),
      )
      const guardian = fork(child, [proc], { stdio: 'ignore', execArgv: [] })
      const ended = new Promise((resolve) => guardian.once('exit', resolve))
      guardian.send({ watch: bystander.pid })
      await answer(1_000)
      // While it has the pipe open, a second answer would only lengthen the first.
      await until('the guardian has read it', () => !openFiles(guardian.pid).includes(stat), {
        withinMs: 10_000,
      })
      guardian.disconnect()
      await answer(2_000)
      await ended
      expect(alive([bystander])).toHaveLength(1)
    } finally {
      rmSync(proc, { recursive: true, force: true })
    }
  })
})
