import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, it, onTestFinished, vi } from 'vitest'
import { CONTENT_PROTOCOL } from '../../node/adapters/libp2p/content-exchange.ts'
import { encodeQuestion } from '../../node/adapters/libp2p/content-frames.ts'
import { PART_BYTES } from '../../node/ports/content.ts'
import { addressOf, peerIdOf, seedOf, until } from '../adapters/libp2p/kit.ts'
import { rawPeer } from '../adapters/libp2p/raw-peer.ts'
import { bytesFor, connected, honest, member, partsWithProofs, scripted, sha256, temporary } from './kit.ts'

// Real sockets and files: a loaded machine may take its time.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

const keepMs = 3_600_000
const wanted = { maxBytes: 2 ** 26, keepMs }

it.each([0, 1, 64, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 9 * PART_BYTES + 77])(
  'a content of %d bytes comes from another validator',
  async (size) => {
    const a = await member(0)
    const b = await member(1, { peers: [a] })
    await connected(b, 1)
    const content = bytesFor('some', size)
    const { hash } = await a.contents.put(content, { keepMs })
    expect(hash).toBe(sha256(content))
    expect(Buffer.compare(await b.contents.fetch(hash, wanted), content)).toBe(0)
    expect(b.contents.held()).toEqual([hash])
    expect((await readdir(b.dir)).sort()).toEqual([hash])
  },
)

it('callers who want the same at once share one transfer', async () => {
  const a = await member(0)
  const content = bytesFor('some', 3 * PART_BYTES)
  const parts = await partsWithProofs(content)
  const { asked } = await scripted(1, a, honest(parts))
  await connected(a, 1)
  const both = await Promise.all([1, 2].map(() => a.contents.fetch(sha256(content), wanted)))
  expect(both.map(sha256)).toEqual([sha256(content), sha256(content)])
  expect(asked).toHaveLength(3)
})

it.each<[string, (part: { before: Uint8Array; bytes: Uint8Array; size: number }) => object]>([
  ['other bytes', ({ bytes }) => ({ bytes: bytes.map((byte, i) => (i === 7 ? byte ^ 1 : byte)) })],
  ['another state', ({ before }) => ({ before: before.map((byte, i) => (i === 7 ? byte ^ 1 : byte)) })],
  ['another size', ({ size }) => ({ size: size + 1 })],
  ['a part that is too short', ({ bytes }) => ({ bytes: bytes.subarray(1) })],
])('a peer that sends %s is found at that part, and left aside', async (_what, lie) => {
  const a = await member(0)
  const content = bytesFor('some', 8 * PART_BYTES)
  const parts = await partsWithProofs(content)
  const truthful = honest(parts)
  const liar = await scripted(1, a, async (question, asked) => {
    const answer = await truthful(question)
    return answer.kind === 'part' && asked === 3
      ? { kind: 'part', part: { ...answer.part, ...lie(answer.part) } }
      : answer
  })
  await connected(a, 1)
  await expect(a.contents.fetch(sha256(content), wanted)).rejects.toMatchObject({
    code: 'CONTENT_UNAVAILABLE',
  })
  // The wrong one, and the one that was asked for ahead.
  expect(liar.asked.length).toBeLessThanOrEqual(4)
  const labels = { peer: peerIdOf(seedOf(1)), reason: 'lies' }
  expect(a.metrics.sum('iyi_content_peers_aside_total', labels)).toBe(1)

  const good = await scripted(2, a, truthful)
  await connected(a, 2)
  await vi.waitFor(
    async () => expect(sha256(await a.contents.fetch(sha256(content), wanted))).toBe(sha256(content)),
    { timeout: 10_000, interval: 100 },
  )
  // What the liar sent rightly before stays, and it is asked for nothing more.
  expect(good.asked.filter(({ kind }) => kind === 'part')).toHaveLength(6)
  expect(liar.asked.length).toBeLessThanOrEqual(4)
})

it('a peer that does not answer costs its time, and the next one is asked', async () => {
  const a = await member(0, { answerMs: 300 })
  const content = bytesFor('some', 3 * PART_BYTES)
  const slow = await scripted(1, a, () => new Promise(() => {}))
  await connected(a, 1)
  const { asked } = await scripted(2, a, honest(await partsWithProofs(content)))
  await connected(a, 2)
  expect(sha256(await a.contents.fetch(sha256(content), wanted))).toBe(sha256(content))
  expect(slow.asked).toHaveLength(1)
  expect(asked).toHaveLength(3)
  expect(a.metrics.sum('iyi_content_peers_aside_total', { reason: 'silent' })).toBe(1)
  expect(a.metrics.sum('iyi_content_peers_aside_total', { reason: 'lies' })).toBe(0)
})

it('goes on with another peer where one vanished in the middle', async () => {
  const a = await member(0)
  const content = bytesFor('some', 10 * PART_BYTES)
  const truthful = honest(await partsWithProofs(content))
  await scripted(1, a, (question, asked) => (asked > 4 ? 'hang up' : truthful(question)))
  await connected(a, 1)
  const other = await scripted(2, a, truthful)
  await connected(a, 2)
  expect(sha256(await a.contents.fetch(sha256(content), wanted))).toBe(sha256(content))
  expect(other.asked.map((question) => question.kind === 'part' && question.index)).toEqual([
    5, 4, 3, 2, 1, 0,
  ])
})

async function halfOf(content: Uint8Array, dir: string): Promise<void> {
  const truthful = honest(await partsWithProofs(content))
  const node = await member(0, { dir })
  const half = await scripted(1, node, (question, asked) =>
    asked > 3 ? new Promise(() => {}) : truthful(question),
  )
  await connected(node, 1)
  const ends = node.contents.fetch(sha256(content), wanted).catch((error: unknown) => error)
  await until('half of it is there', () => half.asked.length > 3)
  await node.contents.stop()
  expect(await ends).toMatchObject({ code: 'CONTENT_GIVEN_UP' })
  await node.transport.stop()
}

it('goes on after a restart where it was', async () => {
  const dir = await temporary()
  const content = bytesFor('some', 6 * PART_BYTES)
  const hash = sha256(content)
  await halfOf(content, dir)
  expect((await readdir(dir)).sort()).toEqual([`${hash}.part`, `${hash}.part.json`])

  const node = await member(0, { dir })
  const rest = await scripted(2, node, honest(await partsWithProofs(content)))
  await connected(node, 1)
  expect(sha256(await node.contents.fetch(hash, wanted))).toBe(hash)
  const indices = rest.asked.map((question) => question.kind === 'part' && question.index)
  // The third part may have been under way.
  expect([
    [3, 2, 1, 0],
    [2, 1, 0],
  ]).toContainEqual(indices)
  expect(sha256(await readFile(join(dir, hash)))).toBe(hash)
  expect(await readdir(dir)).toEqual([hash])
})

it('a peer that sends a wrong part after a restart is left aside, and takes nothing of what is there away', async () => {
  const dir = await temporary()
  const content = bytesFor('some', 6 * PART_BYTES)
  const hash = sha256(content)
  await halfOf(content, dir)
  const node = await member(0, { dir })
  const truthful = honest(await partsWithProofs(content))
  await scripted(2, node, async (question) => {
    const answer = await truthful(question)
    return answer.kind === 'part'
      ? { kind: 'part', part: { ...answer.part, bytes: answer.part.bytes.map((byte) => byte ^ 1) } }
      : answer
  })
  await connected(node, 1)
  await expect(node.contents.fetch(hash, wanted)).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
  const labels = { peer: peerIdOf(seedOf(2)), reason: 'lies' }
  expect(node.metrics.sum('iyi_content_peers_aside_total', labels)).toBe(1)
  const rest = await scripted(3, node, truthful)
  await connected(node, 2)
  await vi.waitFor(async () => expect(sha256(await node.contents.fetch(hash, wanted))).toBe(hash), {
    timeout: 10_000,
    interval: 100,
  })
  expect(rest.asked.length).toBeLessThanOrEqual(4)
})

it('goes on with what was on disk when its process was killed', async () => {
  const [dir, killed] = [await temporary(), await temporary()]
  const content = bytesFor('some', 50 * PART_BYTES)
  const hash = sha256(content)
  const truthful = honest(await partsWithProofs(content))
  const first = await member(0, { dir })
  const { asked } = await scripted(1, first, (question, count) =>
    count > 40 ? new Promise(() => {}) : truthful(question),
  )
  await connected(first, 1)
  first.contents.fetch(hash, wanted).catch(() => {})
  await until('most of it is there', () => asked.length > 40)
  // As it lies there in the middle of the transfer, with parts that no note tells of yet.
  for (const name of await readdir(dir)) await copyFile(join(dir, name), join(killed, name))
  const second = await member(2, { dir: killed })
  const rest = await scripted(3, second, truthful)
  await connected(second, 1)
  expect(sha256(await second.contents.fetch(hash, wanted))).toBe(hash)
  // A note is written every 32 parts.
  expect(rest.asked).toHaveLength(50 - 32)
})

it.each([
  [
    'other bytes of the parts',
    '.part',
    (bytes: Buffer) => bytes.map((byte, i) => (i > 5 * PART_BYTES ? 0 : byte)),
  ],
  ['no note of them', '.part.json', () => Buffer.from('{')],
  [
    'another note of them',
    '.part.json',
    (bytes: Buffer) => {
      const note = JSON.parse(bytes.toString())
      return Buffer.from(JSON.stringify({ ...note, state: 'ab'.repeat(32) }))
    },
  ],
])('begins anew with what the disk made of a half: %s', async (_what, end, change) => {
  const dir = await temporary()
  const content = bytesFor('some', 6 * PART_BYTES)
  const hash = sha256(content)
  await halfOf(content, dir)
  const path = join(dir, `${hash}${end}`)
  await writeFile(path, change(await readFile(path)))
  const node = await member(0, { dir })
  await scripted(2, node, honest(await partsWithProofs(content)))
  await connected(node, 1)
  await vi.waitFor(async () => expect(sha256(await node.contents.fetch(hash, wanted))).toBe(hash), {
    timeout: 10_000,
    interval: 100,
  })
  expect(await readdir(dir)).toEqual([hash])
  expect(node.metrics.sum('iyi_content_peers_aside_total')).toBe(0)
})

it('refuses what is larger than asked for, whoever has it, and keeps nothing of it', async () => {
  const a = await member(0)
  const content = bytesFor('some', 5 * PART_BYTES)
  const { asked } = await scripted(1, a, honest(await partsWithProofs(content)))
  await connected(a, 1)
  const small = { keepMs, maxBytes: 5 * PART_BYTES - 1 }
  await expect(a.contents.fetch(sha256(content), small)).rejects.toMatchObject({ code: 'CONTENT_TOO_LARGE' })
  expect(asked).toHaveLength(1)
  expect(await readdir(a.dir)).toEqual([])
})

it('answers no stranger, and asks none', async () => {
  const a = await member(0)
  await a.contents.put(bytesFor('some', 10), { keepMs })
  const stranger = await rawPeer(seedOf(9))
  onTestFinished(() => stranger.stop())
  const signal = AbortSignal.timeout(5_000)
  const refused = await stranger
    .dialProtocol(multiaddr(addressOf(a.transport)), CONTENT_PROTOCOL, { signal })
    .catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(Error)
  expect(a.transport.contents.connected()).toEqual([])
  expect(a.metrics.sum('iyi_net_refused_total', { reason: 'stranger' })).toBeGreaterThan(0)
})

it('ends a stream of a member that floods, and serves the others', async () => {
  const a = await member(0)
  const content = bytesFor('some', 20 * PART_BYTES)
  const { hash } = await a.contents.put(content, { keepMs })
  const flooder = await rawPeer(seedOf(1))
  onTestFinished(() => flooder.stop())
  const stream = await flooder.dialProtocol(multiaddr(addressOf(a.transport)), CONTENT_PROTOCOL)
  const question = encodeQuestion({ kind: 'part', hash, index: 0 })
  const burst = new Uint8Array(100 * question.length)
  for (let at = 0; at < burst.length; at += question.length) burst.set(question, at)
  stream.send(burst)
  await until('the stream is ended', () => stream.status !== 'open')
  expect(a.metrics.sum('iyi_content_violations_total', { reason: 'flooding' })).toBe(1)
  // Shut out of contents, not out of the quorum.
  const again = await flooder.dialProtocol(multiaddr(addressOf(a.transport)), CONTENT_PROTOCOL)
  await until('the next one too', () => again.status !== 'open')
  expect(a.transport.peers().find(({ peerId }) => peerId === peerIdOf(seedOf(1)))?.direction).toBe('inbound')

  const b = await member(2, { peers: [a] })
  await connected(b, 1)
  expect(sha256(await b.contents.fetch(hash, wanted))).toBe(hash)
})

it('leaves aside who sends what is no answer', async () => {
  const a = await member(0)
  const peer = await rawPeer(seedOf(1))
  onTestFinished(() => peer.stop())
  await peer.handle(CONTENT_PROTOCOL, (stream) => {
    stream.addEventListener('message', () => stream.send(Uint8Array.of(9, 9, 9)))
  })
  await peer.dial(multiaddr(addressOf(a.transport)))
  await connected(a, 1)
  await expect(a.contents.fetch('ab'.repeat(32), wanted)).rejects.toMatchObject({
    code: 'CONTENT_UNAVAILABLE',
  })
  expect(a.metrics.sum('iyi_content_peers_aside_total', { reason: 'lies' })).toBe(1)
})
