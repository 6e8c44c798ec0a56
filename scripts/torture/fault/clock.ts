import { globSync, writeFileSync } from 'node:fs'

/** The clock on the wall as a node sees it. Time that only passes (monotonic) is not touched, as when NTP sets a clock. */
export interface WallClock {
  /** What the node must be started with. */
  readonly env: Readonly<Record<string, string>>
  /** Seconds that it is ahead of the true time. */
  set(ahead: number): void
}

/** By libfaketime, for one process; null where it is not installed. `file` is where it looks. */
export function wallClock(file: string): WallClock | null {
  const [library] = globSync('/usr/{lib,lib64}/{*/,}faketime/libfaketimeMT.so.1')
  if (library === undefined) return null
  const set = (ahead: number) => writeFileSync(file, `${ahead < 0 ? '' : '+'}${ahead}\n`)
  set(0)
  const env = {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_CACHE_DURATION: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  }
  return { env, set }
}
