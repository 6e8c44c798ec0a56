import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { hexToBytes } from 'viem'
import { stringify } from 'yaml'
import { createKeystores } from '../adapters/keystore/create.ts'
import { peerIdFromKey } from '../adapters/libp2p/identity.ts'
import type { Address, Hex } from '../ports/chain.ts'
import type { AnvilChain } from './anvil.ts'
import type { PortPlan } from './port-plan.ts'

/** A validator of the devnet before it runs: where it lives and who it is. */
export interface ValidatorHome {
  readonly index: number
  readonly dir: string
  readonly configPath: string
  readonly peerId: string
  readonly signer: Address
  readonly transmitter: Address
  readonly peerKey: Hex
  readonly consensusKey: Hex
}

/** Makes a folder with encrypted keystores for each validator. */
export function makeValidators(options: { dir: string; count: number }): Promise<ValidatorHome[]> {
  return Promise.all(
    Array.from({ length: options.count }, async (_, index): Promise<ValidatorHome> => {
      const dir = join(options.dir, `validator-${index}`)
      mkdirSync(dir, { recursive: true, mode: 0o700 })
      const password = randomBytes(24).toString('base64url')
      writeFileSync(join(dir, 'password'), `${password}\n`, { mode: 0o600 })
      // Light key derivation: these keys own nothing, and four nodes shall start in seconds.
      const keys = await createKeystores({ dir: join(dir, 'keys'), password, scrypt: 'light' })
      return {
        index,
        dir,
        configPath: join(dir, 'iyi.yaml'),
        peerId: peerIdFromKey(hexToBytes(keys.peer)).toString(),
        signer: keys.signer,
        transmitter: keys.transmitter,
        peerKey: keys.peer,
        consensusKey: keys.consensus,
      }
    }),
  )
}

/** Writes each validator's own `iyi.yaml`, as an operator would have it. */
export function writeConfigs(
  validators: readonly ValidatorHome[],
  options: {
    ports: PortPlan
    chains: readonly AnvilChain[]
    databaseUrl: string
    databasePasswordFile: string
    viewsSchema: string
    oracle: object
  },
): void {
  const { ports } = options
  for (const { index, dir, configPath } of validators) {
    const config = {
      name: `validator-${index}`,
      dataDir: '.',
      database: {
        mode: 'external',
        url: options.databaseUrl,
        passwordFile: relative(dir, options.databasePasswordFile),
        schema: `validator_${index}`,
      },
      chains: options.chains.map((chain) => ({
        id: chain.id,
        name: chain.name,
        rpc: [chain.url],
        confirmations: 1,
        pollingIntervalMs: 250,
      })),
      indexer: { mode: 'external', viewsSchema: options.viewsSchema },
      network: {
        listen: [`/ip4/127.0.0.1/tcp/${ports.p2p[index]}`],
        peers: validators
          .filter((other) => other.index !== index)
          .map((other) => `/ip4/127.0.0.1/tcp/${ports.p2p[other.index]}/p2p/${other.peerId}`),
      },
      api: { port: ports.api[index] },
      admin: { port: ports.admin[index] },
      keys: { dir: 'keys', passwordFile: 'password' },
      plugins: [
        {
          use: 'oracle',
          grants: [
            'chain.read',
            'chain.trust',
            'index.read',
            'events',
            'quorum',
            'http.routes',
            'inference',
            'contents',
          ],
          config: options.oracle,
        },
      ],
    }
    const note =
      '# Written by `npm start` for one validator of the devnet, anew at every start: changes last until then.\n' +
      '# All share one database server and one indexer, to be light; a node of your own manages both itself\n' +
      '# (database.mode: embedded, indexer.mode: managed).\n'
    writeFileSync(configPath, note + stringify(config), { mode: 0o600 })
  }
}
