import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runNpm } from './npm.mjs'

/**
 * Installs exactly what the lockfile pins, once: a stamp in node_modules tells for which lockfile it was done.
 * @param {string} root repository root
 * @param {string} node a Node >= 24
 * @param {{ step<T>(label: string, work: () => Promise<T>): Promise<T> }} progress
 * @param {'install' | 'refuse'} whenChanged an installation empties node_modules first, which no running node survives:
 *   who starts one may ask to be told instead
 */
export async function ensureDependencies(root, node, progress, whenChanged) {
  if (isInstalled(root)) return
  if (whenChanged === 'refuse' && existsSync(stampOf(root)))
    throw new Error(
      'the dependencies changed since they were installed: end the nodes that run from this folder, then `npm run setup`',
    )
  const unlock = await lock(join(root, '.toolchain', 'install.lock'))
  try {
    // Somebody else may have done it while this process waited.
    if (isInstalled(root)) return
    await progress.step('install dependencies (npm ci)', () => runNpm(node, ['ci', '--prefix', root]))
    writeFileSync(stampOf(root), wantedHash(root))
  } finally {
    unlock()
  }
}

const stampOf = (root) => join(root, 'node_modules', '.iyi-installed')

function wantedHash(root) {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
}

function isInstalled(root) {
  return existsSync(stampOf(root)) && readFileSync(stampOf(root), 'utf8') === wantedHash(root)
}

/** Two commands at once must not both install. Waits for the other; takes over from one that died. */
async function lock(path) {
  mkdirSync(join(path, '..'), { recursive: true })
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' })
      return () => rmSync(path, { force: true })
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (!isAlive(readPid(path))) rmSync(path, { force: true })
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

function readPid(path) {
  try {
    return Number(readFileSync(path, 'utf8'))
  } catch {
    return 0
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return pid > 0
  } catch (error) {
    return error.code === 'EPERM'
  }
}
