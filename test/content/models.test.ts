import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { systemClock } from '../../node/adapters/clock/system.ts'
import { wantedModels } from '../../node/compose/models/fetch-wanted.ts'
import { addFromPeers, addModel, listModels, removeModel } from '../../node/compose/models/library.ts'
import { modelOffers } from '../../node/compose/models/offers.ts'
import { packModel } from '../../node/compose/models/pack.ts'
import { loadConfig } from '../../node/config/load.ts'
import { canonicalDigest } from '../../node/inference/canonical-json.ts'
import { parseManifest } from '../../node/inference/manifest.ts'
import { silent } from '../adapters/libp2p/kit.ts'
import { unary } from '../inference/tiny-onnx.ts'
import { connected, member, scripted, sha256, temporary } from './kit.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const common = { clock: systemClock, log: silent }

/** A configuration in a folder of its own. */
async function home() {
  const dir = await temporary()
  await writeFile(
    join(dir, 'iyi.yaml'),
    'dataDir: data\nchains:\n  - { id: 1, name: one, rpc: [http://127.0.0.1:1] }\n',
  )
  const { config } = loadConfig({ path: join(dir, 'iyi.yaml'), env: {} })
  return { dir, config, library: join(dir, 'data/models') }
}

/** A node that has a model of its own and gives it to others. */
async function giver(n = 0) {
  const { dir, config } = await home()
  await writeFile(join(dir, 'net.onnx'), unary('Add', 'float32', ['n', 2], 2))
  const { folder, digest } = await packModel({
    ...{ file: join(dir, 'net.onnx'), id: 'net', version: '1', out: join(dir, 'net'), decimals: 8 },
    ...{ output: null, batched: true, pre: null, inputs: null, reference: null, goldens: 4 },
  })
  await addModel(config, { source: folder, gateway: null, digest: null })
  const node = await member(n, { offers: [modelOffers(config, common)] })
  return { node, digest, folder, config }
}

function fetching(
  config: Awaited<ReturnType<typeof home>>['config'],
  of: Awaited<ReturnType<typeof member>>,
) {
  const wanted = wantedModels(config, { contents: of.contents, ...common })
  wanted.start()
  onTestFinished(() => wanted.stop())
  return wanted
}

const addedTo = async (config: Awaited<ReturnType<typeof home>>['config']) =>
  (await listModels(config)).filter(({ source }) => source !== 'node')

const within = { timeout: 30_000, interval: 50 }

describe('iyi model add peer:<digest>', () => {
  it('a running node fetches, tests and adds the model', async () => {
    const { node, digest, folder } = await giver()
    const { config, library } = await home()
    expect(await addFromPeers(config, `peer:${digest.toUpperCase().replace('0X', '0x')}`)).toEqual({ digest })
    const taker = await member(1, { peers: [node] })
    await connected(taker, 1)
    fetching(config, taker)
    await vi.waitFor(
      async () =>
        expect(await addedTo(config)).toMatchObject([{ id: 'net', version: '1', digest, source: 'added' }]),
      within,
    )
    for (const file of ['net.onnx', 'goldens.json'])
      expect(sha256(await readFile(join(library, digest, file)))).toBe(
        sha256(await readFile(join(folder, file))),
      )
    const entry = async (of: string) => JSON.parse(await readFile(join(of, 'model.json'), 'utf8'))
    expect(await entry(join(library, digest))).toEqual(await entry(folder))
    expect(await readdir(join(library, 'wanted'))).toEqual([])
    await expect(addFromPeers(config, `peer:${digest}`)).rejects.toMatchObject({ code: 'MODEL_EXISTS' })
  })

  it('waits for somebody who has it, and can be taken back', async () => {
    const { config, library } = await home()
    const digest = `0x${'ab'.repeat(32)}`
    await addFromPeers(config, `peer:${digest}`)
    fetching(config, await member(1))
    await vi.waitFor(
      async () =>
        expect(await addedTo(config)).toEqual([
          {
            ...{ id: '-', version: '-', digest, source: 'wanted', standing: null },
            progress: 'waiting: nobody who is connected has it',
          },
        ]),
      within,
    )
    expect(await removeModel(config, digest)).toMatchObject({ digest, source: 'wanted' })
    expect(await addedTo(config)).toEqual([])
    expect(await readdir(join(library, 'wanted'))).toEqual([])
  })

  it.each(['peer:', 'peer:net', `peer:0x${'ab'.repeat(31)}`])('refuses %s', async (source) => {
    const { config } = await home()
    await expect(addFromPeers(config, source)).rejects.toMatchObject({ code: 'MODEL_UNREACHABLE' })
  })

  it.each([
    ['another entry', () => '{"id":"net"}'],
    ['another one behind the entry', (entry: string) => `${entry},${entry.replace('"net"', '"other"')}`],
  ])('leaves aside who gives %s, and asks the next', async (_what, lie) => {
    const { node, digest, folder } = await giver()
    const bytes = Buffer.from(lie(await readFile(join(folder, 'model.json'), 'utf8')))
    const { config } = await home()
    const taker = await member(1, { peers: [node] })
    await connected(taker, 1)
    const liar = await scripted(2, taker, async ({ kind }) =>
      kind === 'entry' ? { kind, bytes } : { kind: 'absent' },
    )
    await connected(taker, 2)
    await addFromPeers(config, `peer:${digest}`)
    fetching(config, taker)
    await vi.waitFor(
      async () => expect(await addedTo(config)).toMatchObject([{ digest, source: 'added' }]),
      within,
    )
    expect(liar.asked.length).toBeLessThanOrEqual(1)
  })

  it('is refused, and nobody blamed, where this node can not use the entry that was asked for', async () => {
    const { config } = await home()
    const written = { id: 'net', later: 1 }
    const digest = canonicalDigest(written)
    const taker = await member(1)
    const bytes = Buffer.from(JSON.stringify(written))
    await scripted(2, taker, async ({ kind }) => (kind === 'entry' ? { kind, bytes } : { kind: 'absent' }))
    await connected(taker, 1)
    await addFromPeers(config, `peer:${digest}`)
    fetching(config, taker)
    await vi.waitFor(
      async () =>
        expect(await addedTo(config)).toMatchObject([
          {
            digest,
            progress: expect.stringMatching(/^refused: .*the right one, and this node can not use it/),
          },
        ]),
      within,
    )
    expect(taker.metrics.sum('iyi_content_peers_aside_total')).toBe(0)
  })

  it('a node that ends does not wait for what takes minutes', async () => {
    const { config } = await home()
    await addFromPeers(config, `peer:0x${'ab'.repeat(32)}`)
    const { contents } = await member(1)
    const begun = Promise.withResolvers<void>()
    const wanted = wantedModels(config, {
      contents: {
        ...contents,
        fetchEntry: () => {
          begun.resolve()
          return new Promise(() => {})
        },
      },
      log: silent,
      clock: { ...systemClock, setTimer: (ms, fire) => systemClock.setTimer(ms / 100, fire) },
    })
    wanted.start()
    await begun.promise
    await wanted.stop()
  })

  it('is refused, and says why, where the model does not pass its tests here', async () => {
    const { node, folder } = await giver()
    // The giver's node does not run it, and offers it: a folder with goldens that nobody could give back.
    const { dir, config: other } = await home()
    const goldens = JSON.parse(await readFile(join(folder, 'goldens.json'), 'utf8'))
    goldens.cases[0].outputs.y[0] = '12345'
    const text = Buffer.from(JSON.stringify(goldens))
    const entry = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8'))
    entry.goldens.sha256 = sha256(text)
    const manifest = JSON.stringify({ models: [entry] })
    const digest = parseManifest(manifest)[0]?.digest ?? '0x'
    const library = join(dir, 'data/models')
    await mkdir(join(library, digest), { recursive: true })
    await writeFile(join(library, digest, 'net.onnx'), await readFile(join(folder, 'net.onnx')))
    await writeFile(join(library, digest, 'goldens.json'), text)
    await writeFile(join(library, 'manifest.json'), manifest)
    const giving = await member(2, { peers: [node], offers: [modelOffers(other, common)] })

    const { config } = await home()
    const taker = await member(1, { peers: [giving] })
    await connected(taker, 1)
    await addFromPeers(config, `peer:${digest}`)
    fetching(config, taker)
    await vi.waitFor(
      async () =>
        expect(await addedTo(config)).toMatchObject([
          { digest, source: 'wanted', progress: expect.stringMatching(/^refused: .*golden/) },
        ]),
      within,
    )
  })

  it('goes on after a restart with what is there of it', async () => {
    const { digest, config: has } = await giver(3)
    const offers = modelOffers(has, common)
    const { config } = await home()
    await addFromPeers(config, `peer:${digest}`)
    const first = await member(1)
    // Gives the entry alone, as one that ends in the middle of a transfer.
    await scripted(2, first, async (question) => {
      const bytes = question.kind === 'entry' ? await offers.entry(question.digest) : null
      return bytes === null ? { kind: 'absent' } : { kind: 'entry', bytes }
    })
    await connected(first, 1)
    const before = fetching(config, first)
    await vi.waitFor(
      async () =>
        expect(await addedTo(config)).toMatchObject([
          { progress: expect.stringContaining('waiting: none of') },
        ]),
      within,
    )
    await before.stop()
    await first.contents.stop()
    await first.transport.stop()

    const giving = await member(0, { offers: [{ ...offers, entry: async () => null }] })
    const again = await member(1, { peers: [giving] })
    await connected(again, 1)
    fetching(config, again)
    await vi.waitFor(
      async () => expect(await addedTo(config)).toMatchObject([{ digest, source: 'added' }]),
      within,
    )
  })

  it('is asked for again after a restart, when nobody had it before', async () => {
    const { node, digest } = await giver()
    const { config } = await home()
    await addFromPeers(config, `peer:${digest}`)
    const first = await member(1)
    const before = fetching(config, first)
    await vi.waitFor(
      async () =>
        expect(await addedTo(config)).toMatchObject([
          { progress: 'waiting: nobody who is connected has it' },
        ]),
      within,
    )
    await before.stop()
    await first.contents.stop()
    await first.transport.stop()

    const again = await member(1, { peers: [node] })
    fetching(config, again)
    await vi.waitFor(
      async () => expect(await addedTo(config)).toMatchObject([{ digest, source: 'added' }]),
      within,
    )
  })

  it('a node offers what came with it, too, and nothing but the files of models', async () => {
    const { config } = await home()
    const offers = modelOffers(config, common)
    for (const { id, digest } of await listModels(config)) {
      const text = Buffer.from((await offers.entry(digest as `0x${string}`)) ?? []).toString()
      const [entry] = parseManifest(`{"models":[${text}]}`)
      expect(entry).toMatchObject({ id, digest })
      for (const hash of [entry?.sha256 ?? '', entry?.goldens.sha256 ?? ''])
        expect(sha256(await readFile((await offers.file(hash)) ?? ''))).toBe(hash)
    }
    expect(await offers.file('ab'.repeat(32))).toBeNull()
    expect(await offers.entry(`0x${'ab'.repeat(32)}`)).toBeNull()
  })
})
