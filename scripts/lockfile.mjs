// `node scripts/lockfile.mjs`: makes package-lock.json anew so that `npm ci` accepts it everywhere.
//
// A registry mirror may lack builds of a package for platforms that nobody there uses. npm then leaves these optional
// packages out of the lockfile without a word, and `npm ci` refuses such a file. They are added here with the version
// that their parent pins and the platform that their name says; what the registry had is pinned by hash as always. No
// address of a registry stays in the file.
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './bootstrap/launch.mjs'

const path = join(root, 'package-lock.json')
if (process.argv[2] !== '--keep') {
  // In a folder of its own: beside a node_modules npm takes what lies there, without hashes and without a word.
  const folder = mkdtempSync(join(tmpdir(), 'iyi-lockfile-'))
  for (const file of ['package.json', '.npmrc']) copyFileSync(join(root, file), join(folder, file))
  const { status } = spawnSync(
    'npm',
    ['install', '--package-lock-only', '--ignore-scripts', '--omit-lockfile-registry-resolved=false'],
    { cwd: folder, stdio: 'inherit' },
  )
  if (status === 0) copyFileSync(join(folder, 'package-lock.json'), path)
  rmSync(folder, { recursive: true, force: true })
  if (status !== 0) process.exit(status ?? 1)
}
const lock = JSON.parse(readFileSync(path, 'utf8'))
for (const entry of Object.values(lock.packages))
  if (/^https?:/.test(entry.resolved ?? '')) delete entry.resolved

let added = 0
for (const [place, parent] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    if (place === '' || isLocked(place, name)) continue
    const platform = platformOf(name)
    if (platform === null || !/^\d+\.\d+\.\d+/.test(version)) {
      process.stderr.write(`left out: ${name}@${version}, an optional dependency of ${place}\n`)
      continue
    }
    lock.packages[`node_modules/${name}`] = {
      version,
      ...platform,
      ...(parent.dev ? { dev: true } : {}),
      ...(parent.license === undefined ? {} : { license: parent.license }),
      optional: true,
    }
    added++
  }
}
// What the registry lacks can't be pinned by hash; anything else must be.
const unpinned = Object.entries(lock.packages)
  .filter(([place, { integrity, optional }]) => place !== '' && integrity === undefined && optional !== true)
  .map(([place]) => place)
if (unpinned.length > 0) {
  process.stderr.write(`without a hash: ${unpinned.join(', ')}\n`)
  process.exitCode = 1
}
lock.packages = Object.fromEntries(
  Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
)
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`)
process.stdout.write(
  `${Object.keys(lock.packages).length - 1} packages, ${added} of them for platforms that this registry lacks\n`,
)

/** npm looks for a dependency in the folder of its parent, then upwards. */
function isLocked(place, name) {
  for (let at = place; ; at = at.slice(0, at.lastIndexOf('/node_modules/'))) {
    if (lock.packages[`${at}/node_modules/${name}`] !== undefined) return true
    if (!at.includes('/node_modules/')) return lock.packages[`node_modules/${name}`] !== undefined
  }
}

/** `@scope/tool-linux-x64-musl` -> os, cpu and libc, as the package itself would state them. */
function platformOf(name) {
  const words = name
    .toLowerCase()
    .replace('win32', 'win')
    .split(/[^a-z0-9]+/)
  const pick = (table) => Object.entries(table).find(([word]) => words.includes(word))?.[1]
  const os = pick({
    android: 'android',
    linux: 'linux',
    darwin: 'darwin',
    macos: 'darwin',
    win: 'win32',
    windows: 'win32',
    freebsd: 'freebsd',
    openbsd: 'openbsd',
    netbsd: 'netbsd',
    sunos: 'sunos',
    aix: 'aix',
    openharmony: 'openharmony',
  })
  const cpu = pick({
    arm64: 'arm64',
    x64: 'x64',
    amd64: 'x64',
    arm: 'arm',
    ia32: 'ia32',
    ppc64: 'ppc64',
    riscv64: 'riscv64',
    s390x: 's390x',
    loong64: 'loong64',
    mips64el: 'mips64el',
  })
  if (os === undefined) return null
  const libc = words.some((word) => word.startsWith('musl'))
    ? 'musl'
    : words.some((word) => word.startsWith('gnu'))
      ? 'glibc'
      : null
  return {
    ...(cpu === undefined ? {} : { cpu: [cpu] }),
    ...(libc === null || os !== 'linux' ? {} : { libc: [libc] }),
    os: [os],
  }
}
