import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { createPublicClient, http } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { oracleFeedAbi } from '../../contracts/abi/OracleFeed.ts'
import { startAnvil } from '../../node/devnet/anvil.ts'
import { children } from '../../node/devnet/children.ts'
import { writeDescription } from '../../node/devnet/description.ts'
import { deployNetwork } from '../../node/devnet/network.ts'
import { makeValidators, type ValidatorHome } from '../../node/devnet/validators.ts'
import { readManifest } from '../../node/inference/manifest.ts'
import { PROJECT_ROOT } from '../../scripts/artifacts.ts'
import { freePort } from '../adapters/ponder/fixture.ts'

const FEED = 'iyi-usd-price'

let dir: string
let network: Awaited<ReturnType<typeof deployNetwork>>
let chains: readonly Awaited<ReturnType<typeof startAnvil>>[]
let newcomer: ValidatorHome
let programs: ReturnType<typeof children>

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'iyi-add-validator-'))
  programs = children({ logDir: join(dir, 'logs') }, { guard: { watch() {}, release() {} } })
  const genesisTime = Math.floor(Date.now() / 1000) - 1000
  chains = await Promise.all(
    ['chain-a', 'chain-b'].map(async (name, index) =>
      startAnvil(
        { id: 31_337 + index, name, port: await freePort(), genesisTime, stateDir: join(dir, name) },
        { children: programs },
      ),
    ),
  )
  const homes = await makeValidators({ dir, count: 5 })
  newcomer = homes[4] as ValidatorHome
  network = await deployNetwork({
    chains,
    validators: homes.slice(0, 4),
    manifest: readManifest(join(PROJECT_ROOT, 'models', 'manifest.json')),
  })
  writeDescription(join(dir, 'devnet.json'), {
    api: [],
    admin: [],
    peers: [],
    chains: chains.map(({ id, name, url }) => ({ id, name, rpc: url })),
    contracts: network.contracts,
    feeds: network.feeds,
    pids: {},
    start: [],
  })
})
afterAll(async () => {
  await Promise.all(['chain-a', 'chain-b'].map((name) => programs.stop(name, 2_000)))
  await rm(dir, { recursive: true, force: true })
})

/** What `iyi keys list` prints, with some of the identities changed. */
function listed(change: Partial<Record<'peer' | 'consensus' | 'signer' | 'transmitter', string>> = {}) {
  const identities = {
    peer: newcomer.peerKey,
    consensus: newcomer.consensusKey,
    signer: newcomer.signer,
    transmitter: newcomer.transmitter,
    ...change,
  }
  return Object.entries(identities)
    .filter(([, identity]) => identity !== '')
    .map(([role, identity]) => `${role.padEnd(11)}  ${identity}  /srv/node/keys/${role}.json\n`)
    .join('')
}

async function addValidator(keys: string, feed: string | null = FEED) {
  const folder = await mkdtemp(join(dir, 'keys-'))

  const file = join(folder, 'newcomer.txt')
  await writeFile(file, keys)
  const args = feed === null ? [file] : [feed, file, join(dir, 'devnet.json')]
  const child = spawn(process.execPath, [join(PROJECT_ROOT, 'docs/examples/add-validator.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve))
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  return { stdout, stderr, code }
}

/** Configuration count and signers of the price feed's contracts: its own, and its mirror's. */
function configurations() {
  const feed = network.feeds.find(({ id }) => id === FEED)
  if (feed === undefined) throw new Error('no feed')
  return Promise.all(
    [feed, ...feed.mirrors].map(async ({ chainId, address }) => {
      const client = createPublicClient({ transport: http(chains.find(({ id }) => id === chainId)?.url) })
      const at = { address, abi: oracleFeedAbi } as const
      const [count] = await client.readContract({ ...at, functionName: 'latestConfigDetails' })
      return { chainId, count, signers: await client.readContract({ ...at, functionName: 'getSigners' }) }
    }),
  )
}

describe('the example that adds a validator', () => {
  it.each([
    [
      'an address where a key belongs',
      () => listed({ peer: newcomer.signer }),
      /peer must be an ed25519 key/,
    ],
    [
      'a key where an address belongs',
      () => listed({ signer: newcomer.peerKey }),
      /signer must be an address/,
    ],
    [
      'a mistyped address',
      () =>
        listed({ signer: newcomer.signer.toLowerCase().replace(/[a-f]/, (digit) => digit.toUpperCase()) }),
      /signer must be an address/,
    ],
    ['one key in two roles', () => listed({ consensus: newcomer.peerKey }), /the same/],
    ['a key that is missing', () => listed({ transmitter: '' }), /no line for the transmitter/],
  ])('refuses %s, and changes nothing', async (_, keys, reason) => {
    const { code, stderr } = await addValidator(keys())
    expect(stderr).toMatch(reason)
    expect(code).toBe(1)
    expect((await configurations()).map(({ count }) => count)).toEqual([1, 1])
  })

  it('asks for the feed', async () => {
    expect(await addValidator(listed(), null)).toMatchObject({ code: 1, stdout: '' })
  })

  it('sets the feed’s own contract and its mirror, each once', async () => {
    expect(await addValidator(listed())).toMatchObject({ code: 0, stderr: '' })
    const [own, mirror] = await configurations()
    expect([own?.chainId, mirror?.chainId]).toEqual([31_337, 31_338])
    expect(own?.signers).toHaveLength(5)
    expect(own?.signers).toContain(newcomer.signer)
    expect(mirror?.signers).toEqual(own?.signers)
    const again = await addValidator(listed())
    expect(again).toMatchObject({ code: 0, stderr: '' })
    expect(again.stdout).toContain('has that validator already')
    expect((await configurations()).map(({ count }) => count)).toEqual([2, 2])
  })

  it('refuses a key that another validator has', async () => {
    const [own] = await configurations()
    const stranger = { ...newcomer, peer: `0x${'7'.repeat(64)}`, consensus: `0x${'8'.repeat(64)}` }
    const keys = listed({
      peer: stranger.peer,
      consensus: stranger.consensus,
      transmitter: own?.signers[0] ?? '',
      signer: '0x00000000000000000000000000000000000000AA',
    })
    expect(await addValidator(keys)).toMatchObject({ code: 1, stderr: expect.stringContaining('already') })
  })
})
