import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'vitest'

/** Where a program of the operating system is; null when it is not installed. */
export function installed(name: string): string | null {
  // Servers lie where not every user's path leads.
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin']
  return folders.map((folder) => join(folder, name)).find(isProgram) ?? null
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * Tests against a program that npm can't bring. Where it is missing they are skipped, and the name of the skipped test says
 * why; in CI they fail instead.
 */
export function describeWith(program: string, name: string, define: (path: string) => void): void {
  const path = installed(program)
  if (path !== null) {
    describe(name, () => define(path))
    return
  }
  const why = `${name}: needs ${program}, which is not installed (apt-get install ${program})`
  if (process.env.CI === undefined || process.env.CI === '') test.skip(why, () => {})
  else
    test(why, () => {
      throw new TypeError(why)
    })
}
