import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { PROJECT_ROOT } from '../artifacts.ts'

/** What the simulation and the tests of the engine read. */
const PARTS = ['node', 'plugins', 'scripts', 'test', 'contracts/abi', 'package.json', 'tsconfig.json']
const LEFT_OUT = /(?:^|\/)(?:node_modules|\.[^/]+|e2e)(?:\/|$)/

/** A copy of the sources in a temporary folder, to be spoilt: the working tree stays as it is. */
export class Workspace {
  readonly root: string
  readonly #changed = new Set<string>()

  constructor() {
    this.root = mkdtempSync(join(tmpdir(), 'iyi-mutants-'))
    for (const part of PARTS) {
      cpSync(join(PROJECT_ROOT, part), join(this.root, part), {
        recursive: true,
        filter: (source) => !LEFT_OUT.test(relative(PROJECT_ROOT, source)),
      })
    }
    symlinkSync(join(PROJECT_ROOT, 'node_modules'), join(this.root, 'node_modules'))
  }

  /** The sources with these files changed, and no others. */
  change(files: ReadonlyMap<string, string>): void {
    for (const file of this.#changed) writeFileSync(join(this.root, file), original(file))
    this.#changed.clear()
    for (const [file, source] of files) {
      this.#changed.add(file)
      writeFileSync(join(this.root, file), source)
    }
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }
}

/** Today's source. */
export function original(file: string): string {
  return readFileSync(join(PROJECT_ROOT, file), 'utf8')
}
