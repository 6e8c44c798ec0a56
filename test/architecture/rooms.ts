/** Who may import whom: the table of the project's rooms, as patterns on paths of the repository. */
export interface Room {
  readonly name: string
  readonly files: RegExp
  /** Files of ours that it may import besides its own room's. `$1` is what the first group of `files` matched. */
  readonly ours: readonly string[]
  /** Packages that it may import; a name ending in `*` is a prefix. `null` means any. */
  readonly packages: readonly string[] | null
}

const PORTS = '^node/ports/'
const ABI = '^contracts/abi/'

/** First match wins. */
export const rooms: readonly Room[] = [
  { name: 'ports', files: /^node\/ports\//, ours: [], packages: ['zod'] },
  { name: 'quorum', files: /^node\/quorum\//, ours: [PORTS], packages: ['viem', '@noble/*', 'node:crypto'] },
  {
    name: 'trust',
    files: /^node\/trust\//,
    ours: [PORTS],
    packages: ['viem', '@ethereumjs/mpt', 'node:crypto'],
  },
  { name: 'alerts', files: /^node\/alerts\//, ours: [PORTS], packages: [] },
  { name: 'decoding', files: /^node\/decoding\//, ours: [PORTS], packages: ['viem', 'node:crypto'] },
  {
    name: 'inference',
    files: /^node\/inference\//,
    ours: [PORTS],
    packages: ['zod', '@noble/*', 'pbf', 'node:*'],
  },
  { name: 'content', files: /^node\/content\//, ours: [PORTS], packages: ['@noble/*', 'node:*'] },
  { name: 'features', files: /^node\/features\//, ours: [PORTS], packages: [] },
  { name: 'outbox', files: /^node\/outbox\//, ours: [PORTS], packages: [] },
  { name: 'export', files: /^node\/export\//, ours: [PORTS], packages: [] },
  { name: 'kernel', files: /^node\/kernel\//, ours: [PORTS], packages: ['zod', 'node:*'] },
  { name: 'config', files: /^node\/config\//, ours: [PORTS], packages: ['zod', 'yaml', 'node:*'] },
  {
    name: 'cli',
    files: /^node\/cli\//,
    ours: [PORTS, '^node/config/', '^node/kernel/errors\\.ts$'],
    packages: ['commander', 'yaml', 'node:*'],
  },
  { name: 'adapter', files: /^node\/adapters\/([^/]+)\//, ours: [PORTS], packages: null },
  {
    name: 'devnet',
    files: /^node\/devnet\//,
    ours: ['^node/(?!main\\.ts)', '^plugins/', ABI, '^scripts/', '^indexer/', '^models/'],
    packages: null,
  },
  {
    name: 'composition root',
    files: /^node\/(?:main\.ts$|compose(?:\.ts$|\/))/,
    ours: ['^node/', '^plugins/[^/]+/(?:index|api|config)\\.ts$', '^indexer/', ABI],
    packages: null,
  },
  {
    name: 'plugin',
    files: /^plugins\/([^/]+)\//,
    ours: [PORTS, '^node/kernel/plugin\\.ts$', '^node/features/', ABI, '^plugins/[^/]+/api\\.ts$'],
    packages: ['zod', 'viem', 'viem/utils', '@noble/*'],
  },
  {
    name: 'indexer',
    files: /^indexer\//,
    ours: [PORTS, ABI],
    packages: ['ponder', 'ponder:*', 'hono', 'zod', 'viem', 'node:*'],
  },
]

/** The one file that may end the process, and the one that may import what a configuration names. */
export const MAY_EXIT = 'node/main.ts'
export const MAY_COMPUTE_IMPORTS = 'node/kernel/load-plugin.ts'
