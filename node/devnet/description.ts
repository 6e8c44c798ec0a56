import { writeFileSync } from 'node:fs'
import type { Address } from '../ports/chain.ts'

/** `devnet.json`: the running network, for programs. */
export interface DevnetDescription {
  readonly api: readonly string[]
  readonly admin: readonly string[]
  /** Multiaddrs with peer ids. */
  readonly peers: readonly string[]
  readonly chains: readonly { readonly id: number; readonly name: string; readonly rpc: string }[]
  /** By chain id, by name. */
  readonly contracts: Readonly<Record<string, Readonly<Record<string, Address>>>>
  readonly feeds: readonly {
    readonly id: string
    readonly chainId: number
    readonly address: Address
    readonly decimals: number
    /** Of a feed of several numbers what tells them apart, decimal; null for a feed of one. */
    readonly labels: readonly string[] | null
    /** Further contracts that get its reports: each needs the same `setConfig`. */
    readonly mirrors: readonly { readonly chainId: number; readonly address: Address }[]
  }[]
  /** Process ids by part: `devnet`, `postgres`, `ponder`, `chain-a`, ..., `validator-0`, ... */
  readonly pids: Readonly<Record<string, number>>
  /** How to start each validator again. */
  readonly start: readonly string[]
}

export function writeDescription(path: string, description: DevnetDescription): void {
  writeFileSync(path, `${JSON.stringify(description, null, 2)}\n`, { mode: 0o600 })
}

/** The table that `npm start` ends with. */
export function readyTable(
  description: DevnetDescription,
  facts: { seconds: number; path: string; logs: string; n: number; f: number },
): string {
  const pid = (name: string) => `pid ${description.pids[name] ?? '-'}`
  const rows: string[][] = [
    ...description.chains.map((chain) => [
      chain.name,
      `${chain.rpc}  (chain id ${chain.id})`,
      pid(chain.name),
    ]),
    ['postgres', 'PostgreSQL 18', pid('postgres')],
    ['ponder', `one indexer shared by the ${facts.n} (a node of its own manages one itself)`, pid('ponder')],
    ...description.api.map((url, at) => [
      `validator-${at}`,
      `${url}  admin ${description.admin[at]}  peers ${description.peers[at]?.split('/')[4]}`,
      pid(`validator-${at}`),
    ]),
    ...description.feeds.map((feed) => [`feed ${feed.id}`, `${feed.address} on chain ${feed.chainId}`, '']),
  ]
  const width = Math.max(...rows.map(([name = '']) => name.length))
  const [first = ''] = description.api
  return [
    '',
    `Devnet ready after ${facts.seconds} s: ${facts.n} validators, ${facts.f} of them may fail.`,
    '',
    ...rows.map(
      ([name = '', what = '', process = '']) =>
        `  ${name.padEnd(width)}  ${what}${process === '' ? '' : `  ${process}`}`,
    ),
    '',
    `  Feeds       curl ${first}/v1/feeds`,
    `  API docs    ${first}/docs`,
    `  Programs    ${facts.path}`,
    `  Logs        ${facts.logs}`,
    '  A validator that you end can be started again:',
    ...description.start.map((command) => `    ${command}`),
    '',
    'Ctrl-C ends everything above. A validator started by hand loses its database then, and ends too.',
    '',
  ].join('\n')
}
