import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runNpm } from './npm.mjs'

/**
 * Installs exactly what the lockfile pins, once: a stamp in node_modules tells for which lockfile it was done.
 * @param {string} root repository root
 * @param {string} node a Node >= 24
 * @param {{ step<T>(label: string, work: () => Promise<T>): Promise<T> }} progress
 */
export async function ensureDependencies(root, node, progress) {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  const stamp = join(root, 'node_modules', '.iyi-installed')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  await progress.step('install dependencies (npm ci)', () => runNpm(node, ['ci', '--prefix', root]))
  linkCli(root)
  writeFileSync(stamp, wanted)
}

/** npm links the binaries of dependencies, not a package's own: this makes `npx iyi` resolve locally and at once. */
function linkCli(root) {
  const link = join(root, 'node_modules', '.bin', 'iyi')
  if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) return
  symlinkSync(join('..', '..', 'scripts', 'iyi.mjs'), link)
}
