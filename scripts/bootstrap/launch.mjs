// The one door of every command: makes sure of Node 24 and of node_modules, then runs a TypeScript program.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import module from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ensureDependencies } from './dependencies.mjs'
import { progress } from './progress.mjs'
import { ensureNode } from './toolchain.mjs'

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/**
 * @param {string | null} program path from the repository root; null only prepares
 * @param {string[]} args
 * @param {'install' | 'refuse'} whenChanged what to do about dependencies that changed since they were installed
 */
export async function launch(program, args, whenChanged = 'install') {
  const bar = progress()
  let node
  try {
    node = await ensureNode(root, bar)
    await ensureDependencies(root, node, bar, whenChanged)
  } catch (error) {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
    return
  }
  if (program === null) return
  keepCompiled()
  const file = join(root, program)
  if (node === process.execPath) {
    process.argv.splice(1, process.argv.length - 1, file, ...args)
    watchAncestors(() => process.kill(process.pid, 'SIGTERM'))
    await import(pathToFileURL(file).href)
    return
  }
  // The channel tells the program when this process dies.
  const child = spawn(node, [file, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, PATH: `${dirname(node)}:${process.env.PATH ?? ''}` },
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  watchAncestors(() => child.kill('SIGTERM'))
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)))
}

/**
 * Keeps compiled code beside the packages, where the next start finds it: a node loads in two thirds of the time. Programs
 * that are started below are told by the environment. Nothing is kept where the folder can't be written.
 */
function keepCompiled() {
  process.env.NODE_COMPILE_CACHE ||= join(root, 'node_modules', '.cache', 'compiled')
  module.enableCompileCache?.(process.env.NODE_COMPILE_CACHE)
}

/**
 * Started as an npm script, this process stands below npm and perhaps a shell that npm made. When one of them is
 * killed outright nobody tells us; so look.
 */
function watchAncestors(onLost) {
  if (process.env.npm_lifecycle_event === undefined || process.platform !== 'linux') return
  const parentOf = (pid) => Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1])
  const isOfNpm = (pid) =>
    /npm|\bsh\b/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '))
  /** @type {number[]} */
  const watched = []
  try {
    for (let pid = process.ppid; watched.length < 2 && pid > 1 && isOfNpm(pid); pid = parentOf(pid)) {
      watched.push(pid)
      if (/npm/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))) break
    }
  } catch {
    return
  }
  const timer = setInterval(() => {
    for (const pid of watched) {
      try {
        process.kill(pid, 0)
      } catch {
        clearInterval(timer)
        onLost()
        return
      }
    }
  }, 1000)
  timer.unref()
}
