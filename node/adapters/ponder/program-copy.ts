import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import type { CustomContract } from '../../ports/custom-tables.ts'
import { filesFrom, programFiles } from './build-id.ts'
import { installedPonder } from './child.ts'
import { customTablesSource } from './custom-program.ts'

const KINDS = ['pool', 'feed', 'vector', 'ocr2', 'registry', 'inference', 'custom'] as const

/**
 * Copies the indexer's program into a folder of the build's own, and gives the folder of the copy to run. So a build goes
 * on as it began after the node was upgraded under it, and while the new one is built beside it. A copy that is there is
 * complete: it is made elsewhere and moved into place.
 *
 * @param options.root the indexer's folder
 * @param options.into the build's folder
 * @param options.custom whose tables the program declares
 * @param options.make false gives null when there is no copy
 */
export function copyProgram({
  root,
  into,
  make,
  custom,
}: {
  readonly root: string
  readonly into: string
  readonly make: boolean
  readonly custom: readonly CustomContract[]
}): string | null {
  const program = join(resolve(into), 'program')
  const base = dirname(resolve(root))
  const place = (file: string) => relative(base, file)
  const copied = join(program, relative(base, resolve(root)))
  if (existsSync(program)) return copied
  if (!make) return null
  mkdirSync(into, { recursive: true })
  const making = `${program}.${process.pid}`
  rmSync(making, { recursive: true, force: true })
  for (const file of programFiles(root)) cpSync(file, join(making, place(file)), { recursive: true })
  writeFileSync(join(making, place(join(root, 'custom', 'tables.ts'))), customTablesSource(custom))
  // Where the installed packages lie; a link, so that an upgrade of them reaches every build.
  symlinkSync(join(dirname(installedPonder().packageFile), '..'), join(making, 'node_modules'))
  renameSync(making, program)
  return copied
}

/** Hash of all code that makes the rows of a kind of contract. */
export function programOfKind(root: string): (kind: string) => string {
  const known = new Map<string, string>()
  for (const kind of KINDS) {
    const hash = createHash('sha256')
    // What is indexed of a contract, and its ABI, stands in the configuration.
    for (const file of filesFrom([resolve(root, 'src', `${kind}.ts`), resolve(root, 'ponder.config.ts')]))
      hash.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0')
    known.set(kind, hash.digest('hex').slice(0, 16))
  }
  return (kind) => known.get(kind) ?? ''
}

/** Folders of builds in `folder` that are none of `schemas`: of builds that are gone. */
export function removeOtherCopies(folder: string, schemas: readonly string[]): void {
  if (!existsSync(folder)) return
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory() && !schemas.includes(entry.name))
      rmSync(join(folder, entry.name), { recursive: true, force: true })
  }
}
