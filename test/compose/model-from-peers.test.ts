import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hexToBytes } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { createKeystores } from '../../node/adapters/keystore/create.ts'
import { peerIdFromKey } from '../../node/adapters/libp2p/identity.ts'
import { addFromPeers, addModel, listModels } from '../../node/compose/models/library.ts'
import { packModel } from '../../node/compose/models/pack.ts'
import { loadConfig } from '../../node/config/load.ts'
import { freePort, type TestPostgres, testPostgres } from '../adapters/postgres/support.ts'
import { program, projectRoot } from '../e2e/kit/program.ts'
import { until } from '../e2e/kit/until.ts'
import { unary } from '../inference/tiny-onnx.ts'

let dir = ''
let postgres: TestPostgres
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'iyi-peers-'))
  postgres = await testPostgres()
}, 60_000)
afterAll(async () => {
  await postgres.dispose()
  await rm(dir, { recursive: true })
})

/** Keys and place of a node that knows the other one. */
async function home(name: string) {
  const at = join(dir, name)
  const keys = await createKeystores({ dir: join(at, 'keys'), password: 'long enough', scrypt: 'light' })
  const port = await freePort()
  return { name, at, port, address: `/ip4/127.0.0.1/tcp/${port}/p2p/${peerIdFromKey(hexToBytes(keys.peer))}` }
}

async function configure(
  { name, at, port }: Awaited<ReturnType<typeof home>>,
  other: { readonly address: string },
  content: object,
) {
  const url = new URL(postgres.server.url)
  await writeFile(join(at, 'database-password'), `${decodeURIComponent(url.password)}\n`, { mode: 0o600 })
  await writeFile(join(at, 'password'), 'long enough\n', { mode: 0o600 })
  url.password = ''
  const path = join(at, 'iyi.yaml')
  await writeFile(
    path,
    stringify({
      ...{ name, dataDir: './data', content },
      chains: [{ id: 1, name: 'nobody', rpc: ['http://127.0.0.1:1'] }],
      database: { mode: 'external', url: url.href, passwordFile: './database-password', schema: name },
      indexer: { mode: 'external' },
      keys: { dir: './keys', passwordFile: './password' },
      network: { listen: [`/ip4/127.0.0.1/tcp/${port}`], peers: [other.address] },
      api: { port: await freePort() },
      admin: { port: await freePort() },
    }),
  )
  const start = () =>
    program(process.execPath, [join(projectRoot, 'node', 'main.ts'), 'start', '--config', path])
  return { config: loadConfig({ path, env: {} }).config, start }
}

test('a node that runs takes up a model that another one runs', { timeout: 180_000 }, async () => {
  const [giving, taking] = [await home('giving'), await home('taking')]
  const giver = await configure(giving, taking, {})
  const taker = await configure(taking, giving, { serveModels: false })
  await writeFile(join(dir, 'net.onnx'), unary('Add', 'float32', ['n', 2], 2))
  const { folder, digest } = await packModel({
    ...{ file: join(dir, 'net.onnx'), id: 'net', version: '1', out: join(dir, 'net'), decimals: 8 },
    ...{ output: null, batched: true, pre: null, inputs: null, reference: null, goldens: 4 },
  })
  await addModel(giver.config, { source: folder, gateway: null, digest: null })
  // Before it runs: the wish waits for the next start.
  await addFromPeers(taker.config, `peer:${digest}`)
  const nodes = [giver.start(), taker.start()] as const
  try {
    const [, node] = nodes
    await until(
      'the model is loaded',
      () => node.stdout().includes(`"digest":"${digest}"`) && node.stdout().includes('"Load a model"'),
      {
        withinMs: 120_000,
        saw: () => nodes.map((each) => each.stdout() + each.stderr()).join('\n'),
      },
    )
    expect((await listModels(taker.config)).filter(({ source }) => source !== 'node')).toEqual([
      { id: 'net', version: '1', digest, source: 'added', standing: null },
    ])
    expect(await readdir(join(taker.config.dataDir, 'models'))).not.toContain('.new-')
    expect(await readdir(join(taker.config.dataDir, 'models', 'wanted'))).toEqual([])
  } finally {
    await Promise.all(nodes.map((each) => each.destroy()))
  }
})
