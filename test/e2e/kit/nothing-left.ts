import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { isFree } from './ports.ts'
import { alive, type Process } from './processes.ts'
import { until } from './until.ts'

/**
 * Resolves once these processes have ended and these ports of loopback are free; rejects with what is left. A process with
 * several threads counts as ended as soon as its first one has, and its sockets are closed by the last: both are waited for.
 */
export async function nothingLeft(
  { processes, ports = [] }: { processes: readonly Process[]; ports?: readonly number[] },
  withinMs: number,
): Promise<void> {
  let left: readonly Process[] = processes
  let taken: readonly number[] = []
  const saw = () => [
    ...left.map(({ pid, command }) => `${pid} ${command}`),
    ...taken.map((port) => `port ${port}: ${heldBy(port)}`),
  ]
  await until(
    'nothing is left',
    async () => {
      left = alive(processes)
      const free = await Promise.all(ports.map(isFree))
      taken = ports.filter((_, at) => free[at] !== true)
      return left.length === 0 && taken.length === 0
    },
    { withinMs, saw: () => saw().join('\n') },
  )
}

/** The sockets at a local port, each with its state (`include/net/tcp_states.h`), and who has them. Reads /proc: Linux. */
function heldBy(port: number): string {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const sockets = ['/proc/net/tcp', '/proc/net/tcp6'].filter(existsSync).flatMap((table) =>
    readFileSync(table, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[1]?.endsWith(local))
      .map((fields) => ({ state: Number.parseInt(fields[3] ?? '', 16), inode: fields[9] ?? '' })),
  )
  return sockets.map(({ state, inode }) => `state ${state} of ${ownerOf(inode)}`).join(', ') || 'no socket'
}

function ownerOf(inode: string): string {
  const owners = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => openIn(pid).includes(`socket:[${inode}]`))
  return owners.map((pid) => `${pid} ${commandOf(pid)}`).join(' and ') || 'nobody'
}

function openIn(pid: string): readonly string[] {
  const folder = `/proc/${pid}/fd`
  const orNone = (look: () => readonly string[]) => {
    try {
      return look()
    } catch {
      // It was closed while we looked.
      return []
    }
  }
  return orNone(() => readdirSync(folder)).flatMap((fd) => orNone(() => [readlinkSync(`${folder}/${fd}`)]))
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  } catch {
    return '(ended)'
  }
}
