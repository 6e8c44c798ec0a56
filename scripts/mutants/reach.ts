import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { importsOf } from '../../test/architecture/imports.ts'
import { PROJECT_ROOT } from '../artifacts.ts'

const known = new Map<string, readonly string[]>()

function targets(file: string): readonly string[] {
  const before = known.get(file)
  if (before !== undefined) return before
  const found = importsOf(file, readFileSync(join(PROJECT_ROOT, file), 'utf8'))
    .filter(({ kind }) => kind !== 'type')
    .map(({ target }) => target)
    .filter((target) => target.endsWith('.ts') && existsSync(join(PROJECT_ROOT, target)))
    .filter((target) => statSync(join(PROJECT_ROOT, target)).isFile())
  known.set(file, found)
  return found
}

/** Every file that runs when `entry` does: what is not among them can't change how it ends. */
export function reachedFrom(entry: string): ReadonlySet<string> {
  const reached = new Set([entry])
  for (const file of reached) for (const target of targets(file)) reached.add(target)
  return reached
}
