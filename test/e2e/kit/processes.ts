import { readdirSync, readFileSync } from 'node:fs'

/** A process as the kernel knows it; `started` tells it from a later one with the same id. */
export interface Process {
  readonly pid: number
  readonly started: string
  readonly command: string
}

function statOf(pid: number): { parent: number; started: string; state: string } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0] ?? '', parent: Number(fields[1]), started: fields[19] ?? '' }
  } catch {
    return null
  }
}

/** The process and all below it, as they are now. Reads /proc: Linux. */
export function processTree(root: number): Process[] {
  const children = new Map<number, number[]>()
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry)
    const parent = Number.isInteger(pid) ? statOf(pid)?.parent : undefined
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid])
  }
  const tree: Process[] = []
  for (const queue = [root]; queue.length > 0; ) {
    const pid = queue.shift() ?? 0
    queue.push(...(children.get(pid) ?? []))
    const stat = statOf(pid)
    if (stat === null) continue
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
      tree.push({ pid, started: stat.started, command })
    } catch {
      // It ended while we looked.
    }
  }
  return tree
}

/** Those that still run; a zombie has ended, and only waits for its parent to notice. */
export function alive(processes: readonly Process[]): Process[] {
  return processes.filter(({ pid, started }) => {
    const stat = statOf(pid)
    return stat !== null && stat.started === started && stat.state !== 'Z'
  })
}

/** SIGKILL, and no complaint about what is gone already. */
export function killAll(processes: readonly Process[]): void {
  for (const { pid } of alive(processes)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // Gone in between.
    }
  }
}
