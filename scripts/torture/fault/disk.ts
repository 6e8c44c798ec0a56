import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** A disk of its own that can be filled, in memory. */
export interface Disk {
  /** Leaves no room for a byte. */
  fill(): void
  /** Gives the room back. */
  clear(): void
  unmount(): void
}

/** Null where this account may not mount one: nothing else fills a disk without filling everybody's. */
export function mountDisk(path: string, megabytes: number): Disk | null {
  mkdirSync(path, { recursive: true })
  const options = `size=${megabytes}m,mode=755`
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { stdio: 'ignore' })
  } catch {
    return null
  }
  // Lazily: a program that was killed may need a moment to let go of it.
  const unmount = () => void execFileSync('umount', ['--lazy', path], { stdio: 'ignore' })
  process.once('exit', unmount)
  const ballast = join(path, 'ballast')
  return {
    fill() {
      const file = openSync(ballast, 'a')
      for (const size of [2 ** 20, 2 ** 12])
        try {
          for (;;) if (writeSync(file, Buffer.alloc(size)) < size) break
        } catch {
          // No room for so much.
        }
      closeSync(file)
    },
    clear: () => rmSync(ballast, { force: true }),
    unmount() {
      process.off('exit', unmount)
      unmount()
    },
  }
}
