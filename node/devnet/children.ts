import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import type { ProcessGuard } from '../ports/process.ts'
import { DevnetError } from './errors.ts'

/** A program that the devnet runs. */
export interface Child {
  readonly name: string
  readonly pid: number
  readonly logFile: string
  /** How it ended, once it has: `exit 1`, `SIGKILL`. */
  readonly ended: string | undefined
}

export interface Children {
  /** Starts a program with its output in `logs/<name>.log`. `channel` gives a Node program a pipe that breaks when we die. */
  spawn(name: string, command: string, args: readonly string[], options?: { channel?: boolean }): Child
  /** Told of each program that ends, also of one that was asked to. */
  onEnd(listener: (child: Child) => void): void
  /** SIGTERM to all in reverse order of their start; SIGKILL to what is left at the deadline. */
  stop(name: string, graceMs: number): Promise<void>
}

/** @throws DevnetError `DEVNET_PART_ENDED` when a program can't be started */
export function children(options: { logDir: string }, modules: { guard: ProcessGuard }): Children {
  mkdirSync(options.logDir, { recursive: true })
  const running = new Map<string, { child: ChildProcess; pid: number; closed: Promise<void> }>()
  const listeners: ((child: Child) => void)[] = []
  return {
    spawn(name, command, args, { channel = false } = {}) {
      const logFile = join(options.logDir, `${name}.log`)
      const log = openSync(logFile, 'a', 0o600)
      const child = spawn(command, args, {
        env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE },
        stdio: channel ? ['ignore', log, log, 'ipc'] : ['ignore', log, log],
        // Not in the terminal's group: Ctrl-C reaches us, and we end our programs in order.
        detached: true,
      })
      closeSync(log)
      const { pid } = child
      if (pid === undefined)
        throw new DevnetError(
          'DEVNET_PART_ENDED',
          `${name} can't be started: ${command} is missing or not executable`,
        )
      modules.guard.watch(pid)
      let ended: string | undefined
      const handle: Child = {
        name,
        pid,
        logFile,
        get ended() {
          return ended
        },
      }
      const closed = new Promise<void>((resolve) => {
        child.on('error', () => {})
        child.on('exit', (code, signal) => {
          ended = signal ?? `exit ${code}`
          modules.guard.release(pid)
          if (running.get(name)?.pid === pid) running.delete(name)
          for (const listener of listeners) listener(handle)
          resolve()
        })
      })
      running.set(name, { child, pid, closed })
      return handle
    },
    onEnd(listener) {
      listeners.push(listener)
    },
    async stop(name, graceMs) {
      const entry = running.get(name)
      if (entry === undefined) return
      entry.child.kill('SIGTERM')
      const force = setTimeout(() => entry.child.kill('SIGKILL'), graceMs)
      await entry.closed
      clearTimeout(force)
    },
  }
}
