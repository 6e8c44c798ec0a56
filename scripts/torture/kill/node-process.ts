import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { isReady } from '../../../test/e2e/kit/http.ts'
import { killAll, type Process, processTree } from '../../../test/e2e/kit/processes.ts'
import { until } from '../../../test/e2e/kit/until.ts'
import { PROJECT_ROOT } from '../../artifacts.ts'
import { Difference } from '../difference.ts'
import { appendTo, type Home } from './home.ts'

/** What of a node is killed. `all` is what a power cut does, at once. */
export const targets = ['node', 'indexer', 'database', 'backend', 'all'] as const
export type Target = (typeof targets)[number]

/** A node that ended because of its surroundings says so, and asks to be started again: EX_TEMPFAIL of sysexits.h. */
const AGAIN = 75
const READY_MS = 300_000

/** One `iyi start`, after the other. */
export interface TorturedNode {
  start(): void
  /** Resolves once it says that it is ready; starts it again when it ended by itself meanwhile. */
  ready(): Promise<void>
  isReady(): Promise<boolean>
  /** Kills it, or a part of it. False when there is no such part at the moment. */
  kill(target: Target, pick: (below: number) => number): boolean
  /** Resolves once it ended, if it is going to: within a while, without being asked to. Rejects when it says that it should not be started again. */
  settled(withinMs: number): Promise<'ended' | 'goes on'>
  /** How often it was started, and how often it ended by itself. */
  counts(): { readonly starts: number; readonly ends: number }
  stop(): Promise<void>
}

/** @param more of its environment, beside that of this process */
export function torturedNode(home: Home, more: Readonly<Record<string, string>> = {}): TorturedNode {
  let child: ChildProcess | null = null
  let exited: Promise<void> = Promise.resolve()
  let starts = 0
  let ends = 0
  let killed = false
  let wrong: Difference | null = null

  const start = () => {
    const log = appendTo(home.logPath)
    // Not what this run or its npm were told.
    const env = Object.fromEntries(
      Object.entries(process.env).filter(
        ([name]) => !/^(npm_|VITEST|NODE_ENV$|NODE_OPTIONS$|IYI_|DATABASE_)/.test(name),
      ),
    )
    const started = spawn(
      process.execPath,
      [join(PROJECT_ROOT, 'node', 'main.ts'), 'start', '--config', home.configPath],
      { cwd: home.dir, env: { ...env, ...more }, stdio: ['ignore', log.fd, log.fd] },
    )
    log.close()
    const end = () => started.kill('SIGKILL')
    process.once('exit', end)
    starts++
    killed = false
    child = started
    exited = new Promise((resolve) => {
      started.once('exit', (code, signal) => {
        process.off('exit', end)
        if (child === started) child = null
        if (!killed) {
          ends++
          if (code !== AGAIN)
            wrong ??= new Difference(
              'node',
              `it ended with ${code ?? signal}, and did not ask to be started again`,
            )
        }
        resolve()
      })
    })
  }

  const tree = () => (child?.pid === undefined ? [] : processTree(child.pid))

  function victims(target: Target, pick: (below: number) => number): readonly Process[] {
    const all = tree()
    const database = all.filter(({ command }) => /postgres -D/.test(command))
    const of = {
      node: () => all.slice(0, 1),
      all: () => all,
      indexer: () => all.filter(({ command }) => /tell-gone-blocks/.test(command)),
      database: () => database,
      backend: () => all.filter(({ command }) => /^postgres: /.test(command)),
    } satisfies Record<Target, () => readonly Process[]>
    const found = of[target]()
    return target === 'all' ? found : found.length === 0 ? [] : found.slice(pick(found.length)).slice(0, 1)
  }

  const self: TorturedNode = {
    start,
    async ready() {
      await until(
        'the node is ready',
        async () => {
          if (wrong !== null) return true
          if (child === null) start()
          return isReady(home.api)
        },
        { withinMs: READY_MS },
      )
      if (wrong !== null) throw wrong
    },
    isReady: () => isReady(home.api),
    kill(target, pick) {
      const found = victims(target, pick)
      if (found.length === 0) return false
      if (target === 'node' || target === 'all') killed = true
      killAll(found)
      return true
    },
    async settled(withinMs) {
      const late = new Promise<void>((resolve) => setTimeout(resolve, withinMs))
      await Promise.race([exited, late])
      if (wrong !== null) throw wrong
      return child === null ? 'ended' : 'goes on'
    },
    counts: () => ({ starts, ends }),
    async stop() {
      const all = tree()
      killed = true
      child?.kill('SIGTERM')
      const late = new Promise<void>((resolve) => setTimeout(resolve, 15_000).unref())
      await Promise.race([exited, late])
      killAll(all)
    },
  }
  return self
}
