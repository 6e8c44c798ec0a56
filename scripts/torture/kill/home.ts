import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { testTokenAbi } from '../../../contracts/abi/TestToken.ts'
import { createKeystores } from '../../../node/adapters/keystore/create.ts'
import { embeddedRole } from '../../../node/adapters/postgres/embedded-cluster.ts'
import { freePort } from '../../../test/adapters/ponder/fixture.ts'
import { PROJECT_ROOT } from '../../artifacts.ts'
import { CONFIRMATIONS, FINALITY, fillFields, type TortureChain } from '../chain.ts'
import { TOLD } from '../names.ts'

/** What of the chains a node follows: from one start to the next it may be something else. */
export interface Followed {
  /** Which of the operator's tokens of each chain. The one at `TOLD` stays once it is followed, as the feeds do. */
  readonly tokens: readonly number[]
  /** The feeds beside the pools. Once followed they stay so: what a plugin was told of an event stays true. */
  readonly feeds: boolean
}

/** The folder of one node: its keys, its configuration, its data and its log. */
export interface Home {
  readonly dir: string
  readonly dataDir: string
  readonly configPath: string
  readonly logPath: string
  readonly api: string
  configure(followed: Followed): void
  /** Of the embedded server; there once a node made it. */
  databaseUrl(): string
}

const PASSWORD = 'torture'

/** @param rpc where the node finds a chain */
export async function newHome(
  dir: string,
  chains: readonly TortureChain[],
  rpc: (chain: TortureChain) => string = ({ anvil }) => anvil.url,
): Promise<Home> {
  // As root, PostgreSQL runs as an account of its own and must get through to its data.
  chmodSync(dir, 0o755)
  const keys = join(dir, 'keys')
  await createKeystores({ dir: keys, password: PASSWORD, scrypt: 'light' })
  writeFileSync(join(dir, 'password'), PASSWORD, { mode: 0o600 })
  writeFileSync(join(dir, 'token.json'), JSON.stringify(testTokenAbi))
  const [database, indexer, network, api, admin] = [
    ...[await freePort(), await freePort(), await freePort(), await freePort(), await freePort()],
  ]
  const dataDir = join(dir, 'data')
  mkdirSync(dataDir, { recursive: true })
  const configPath = join(dir, 'iyi.yaml')
  return {
    ...{ dir, dataDir, configPath, logPath: join(dir, 'node.log'), api: `http://127.0.0.1:${api}` },
    configure: ({ tokens, feeds }) =>
      writeFileSync(
        configPath,
        stringify(
          {
            name: 'torture',
            dataDir: './data',
            keys: { dir: './keys', passwordFile: './password' },
            chains: chains.map((chain) => ({
              ...{ id: chain.anvil.chainId, name: chain.name, rpc: [rpc(chain)], pollingIntervalMs: 100 },
              ...{ confirmations: CONFIRMATIONS, finality: { depth: FINALITY } },
            })),
            database: { mode: 'embedded', port: database },
            indexer: { mode: 'managed', port: indexer, contracts: contractsOf(chains, tokens) },
            network: { listen: [`/ip4/127.0.0.1/tcp/${network}`] },
            api: { port: api },
            admin: { port: admin },
            series: { events: tokens.includes(TOLD) ? fillsOf(chains) : [] },
            plugins: [
              {
                use: join(PROJECT_ROOT, 'scripts', 'torture', 'kill', 'bookkeeper'),
                grants: ['events', 'store'],
                config: { contracts: followedBy(chains, feeds) },
              },
            ],
          },
          { aliasDuplicateObjects: false },
        ),
      ),
    databaseUrl() {
      const password = readFileSync(join(dataDir, 'postgres.password'), 'utf8').trim()
      return `postgres://${embeddedRole}:${encodeURIComponent(password)}@127.0.0.1:${database}/${embeddedRole}`
    },
  }
}

function contractsOf(chains: readonly TortureChain[], tokens: readonly number[]) {
  return chains.flatMap(({ custom }) =>
    tokens.flatMap((at) => {
      const contract = custom[at]
      if (contract === undefined || !('addresses' in contract.source)) return []
      const { name, chainId, startBlock, source } = contract
      const address = [...source.addresses]
      const told = at === TOLD ? { eventLog: true } : {}
      return [{ name, chainId, startBlock, address, abi: './token.json', events: ['Transfer'], ...told }]
    }),
  )
}

function fillsOf(chains: readonly TortureChain[]) {
  return chains.map(({ custom, fills: { id } }) => ({
    ...{ name: id, contract: custom[TOLD]?.name, event: 'Transfer', ...fillFields },
  }))
}

function followedBy(chains: readonly TortureChain[], feeds: boolean) {
  return chains.flatMap(({ anvil: { chainId }, market: { pool, startBlock }, feed }) => [
    { kind: 'pool', chainId, address: pool, startBlock },
    ...(feeds ? [{ kind: 'feed', chainId, address: feed.address, startBlock }] : []),
  ])
}

/** Where a node's output goes. */
export function appendTo(path: string): { readonly fd: number; close(): void } {
  const fd = openSync(path, 'a')
  return { fd, close: () => closeSync(fd) }
}
