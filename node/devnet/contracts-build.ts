import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT_ROOT } from '../../scripts/artifacts.ts'
import { DevnetError } from './errors.ts'

const STAMP = join(PROJECT_ROOT, 'artifacts', '.sources-sha256')

/** True when `artifacts/` was built from these very sources: then a start need not wait for the compiler. */
export function contractsAreBuilt(): boolean {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === sourcesHash()
}

/** Compiles with Hardhat. Rejects with `DEVNET_BUILD_FAILED` and the compiler's own words. */
export async function buildContracts(): Promise<void> {
  const hash = sourcesHash()
  const hardhat = join(PROJECT_ROOT, 'node_modules', 'hardhat', 'dist', 'src', 'cli.js')
  await new Promise<void>((resolve, reject) => {
    const child = spawn(process.execPath, [hardhat, 'build', '--quiet', '--no-tests'], {
      cwd: PROJECT_ROOT,
      env: { ...process.env, HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-10_000)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0
        ? resolve()
        : reject(
            new DevnetError('DEVNET_BUILD_FAILED', `the contracts do not compile:\n${output}`, {
              code: code ?? -1,
            }),
          ),
    )
  })
  writeFileSync(STAMP, hash)
}

function sourcesHash(): string {
  const hash = createHash('sha256')
  const sources = readdirSync(join(PROJECT_ROOT, 'contracts'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.sol') && !path.endsWith('.t.sol'))
    .sort()
  for (const path of sources) hash.update(path).update(readFileSync(join(PROJECT_ROOT, 'contracts', path)))
  for (const path of ['hardhat.config.ts', 'package-lock.json'])
    hash.update(readFileSync(join(PROJECT_ROOT, path)))
  return hash.digest('hex')
}
