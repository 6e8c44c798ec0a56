import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DevnetError } from './errors.ts'

/** Says that a folder is a devnet's own: only such a folder is ever wiped. */
const MARKER = 'devnet.lock'

export interface Workspace {
  readonly dir: string
  /** The last devnet here did not end by itself: its programs may need a moment more to go. */
  readonly afterCrash: boolean
  /** Leaves the marker of a folder that the next devnet may wipe; one in which nothing was written is left as it was. */
  release(): void
}

/**
 * Takes a folder for a fresh network. Throws `DEVNET_ALREADY_RUNNING` while another devnet lives in it, and
 * `DEVNET_BAD_OPTION` rather than delete what is not ours.
 */
export function takeWorkspace(dir: string): Workspace {
  const marker = join(dir, MARKER)
  let afterCrash = false
  const isNew = !existsSync(dir)
  if (existsSync(dir) && readdirSync(dir).length > 0) {
    if (!existsSync(marker))
      throw new DevnetError(
        'DEVNET_BAD_OPTION',
        `${dir} holds files that no devnet made: give --dir an empty or a new folder`,
        { dir },
      )
    const pid = Number(readFileSync(marker, 'utf8'))
    if (pid > 0 && isDevnet(pid))
      throw new DevnetError(
        'DEVNET_ALREADY_RUNNING',
        `a devnet runs in ${dir} already (pid ${pid}): end it, or start another one with --dir and --port-base`,
        { dir, pid },
      )
    afterCrash = pid > 0
    for (const entry of readdirSync(dir))
      if (entry !== MARKER) rmSync(join(dir, entry), { recursive: true, force: true })
  }
  mkdirSync(dir, { recursive: true })
  writeFileSync(marker, String(process.pid))
  return {
    dir,
    afterCrash,
    release() {
      writeFileSync(marker, '0')
      if (readdirSync(dir).length > 1) return
      rmSync(marker)
      if (isNew) rmdirSync(dir)
    },
  }
}

/** A pid alone may belong to another program by now. */
function isDevnet(pid: number): boolean {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return process.platform !== 'linux' || /devnet/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
  } catch {
    return false
  }
}
