// Brings Node 24 from the npm registry when the machine's own Node is older. Runs on any Node >= 18, without dependencies.
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runNpm } from './npm.mjs'

export const NODE_MAJOR = 24
const VERSION = '24.21.0'
/** Each package is the plain Node binary; the hash is the registry's own, pinned here so that it can't change under us. */
const INTEGRITY = {
  'linux-x64':
    'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  'linux-arm64':
    'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
}

/**
 * Path of a Node >= 24: this one, the one brought earlier, or a new one.
 * @param {string} root repository root
 * @param {{ step<T>(label: string, work: () => Promise<T>): Promise<T> }} progress
 * @returns {Promise<string>}
 */
export async function ensureNode(root, progress) {
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR) return process.execPath
  const platform = `${process.platform}-${process.arch}`
  const expected = INTEGRITY[platform]
  if (expected === undefined) {
    throw new Error(
      `this Node is ${process.version} and no Node ${VERSION} package exists for ${platform}: install Node ${NODE_MAJOR} or newer and try again`,
    )
  }
  const name = `node-${platform}`
  const dir = join(root, '.toolchain')
  const binary = join(dir, 'node_modules', name, 'bin', 'node')
  const lock = join(dir, 'node_modules', '.package-lock.json')
  if (!existsSync(binary) || installedIntegrity(lock, name) !== expected) {
    mkdirSync(dir, { recursive: true })
    await progress.step(`bring Node ${VERSION} (this machine has ${process.version})`, () =>
      runNpm(process.execPath, [
        'install',
        '--prefix',
        dir,
        '--no-save',
        '--ignore-scripts',
        `${name}@${VERSION}`,
      ]),
    )
    const found = installedIntegrity(lock, name)
    if (found !== expected)
      throw new Error(
        `${name}@${VERSION} has integrity ${found}, expected ${expected}: do not run it; delete .toolchain and report this`,
      )
  }
  return binary
}

/** What npm verified when it unpacked `name`; null when it is not there. */
function installedIntegrity(lock, name) {
  try {
    return JSON.parse(readFileSync(lock, 'utf8')).packages[`node_modules/${name}`].integrity
  } catch {
    return null
  }
}
