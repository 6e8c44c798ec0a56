// The guardian: terminates what it was told of once its parent is gone. Run by `guardian.ts`.
import { readFileSync } from 'node:fs'

const GRACE_MS = 3_000
/** Where the kernel tells of processes; a test can't reuse a process id on demand, so it brings its own. */
const PROC = process.argv[2] ?? '/proc'
const watched = new Map<number, string>()

/** Start time of a process: a pid that was given to another program since does not match. */
function startedAt(pid: number): string {
  try {
    const stat = readFileSync(`${PROC}/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')')).split(' ')[20] ?? ''
  } catch {
    return ''
  }
}

function signal(name: NodeJS.Signals): number {
  let alive = 0
  for (const [pid, started] of watched) {
    if (startedAt(pid) !== started) continue
    try {
      process.kill(pid, name)
      alive++
    } catch {
      watched.delete(pid)
    }
  }
  return alive
}

process.on('message', (message: { watch?: number; release?: number }) => {
  if (message.watch !== undefined) watched.set(message.watch, startedAt(message.watch))
  if (message.release !== undefined) watched.delete(message.release)
})
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
process.on('disconnect', () => {
  if (signal('SIGTERM') > 0) setTimeout(() => signal('SIGKILL'), GRACE_MS)
})
