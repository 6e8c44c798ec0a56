import { createHash } from 'node:crypto'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { moreRounds } from '../kit/chain.ts'
import { get, request, round, rounds } from '../kit/http.ts'
import type { Network } from '../kit/network.ts'
import { type Program, projectRoot } from '../kit/program.ts'
import { until } from '../kit/until.ts'
import { PRICE, startNode, stop, VOLATILITY, variant } from '../kit/validator.ts'
import { decodeEvidence, priceAtPins } from './evidence.ts'

/** Where the values of the largest tensor lie: field 9 of a TensorProto, `raw_data` (onnx.proto3), found by its tag and length. */
function largestTensor(bytes: Buffer): { begin: number; end: number } {
  let largest = { begin: 0, end: 0 }
  for (let tag = bytes.indexOf(0x4a); tag !== -1; tag = bytes.indexOf(0x4a, tag + 1)) {
    // A varint of two bytes: 128 to 16,383.
    const [low = 0, high = 0] = bytes.subarray(tag + 1, tag + 3)
    if (low < 0x80 || high >= 0x80) continue
    const [begin, length] = [tag + 3, (low & 0x7f) | (high << 7)]
    if (length % 4 === 0 && begin + length <= bytes.length && length > largest.end - largest.begin)
      largest = { begin, end: begin + length }
  }
  return largest
}

/** A copy of the models with some weights negated, and a manifest that vouches for them. */
function tamperedModels(net: Network): string {
  const dir = join(net.dir, 'tampered-models')
  cpSync(join(projectRoot, 'models'), dir, { recursive: true })
  const file = join(dir, 'volatility', 'volatility.onnx')
  const bytes = readFileSync(file)
  const { begin, end } = largestTensor(bytes)
  for (let at = begin; at < end; at += 4) bytes.writeFloatLE(-bytes.readFloatLE(at), at)
  writeFileSync(file, bytes)
  const path = join(dir, 'manifest.json')
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as { models: { id: string; sha256: string }[] }
  const model = manifest.models.find(({ id }) => id === 'volatility')
  if (model === undefined) throw new Error('no model')
  model.sha256 = createHash('sha256').update(bytes).digest('hex')
  writeFileSync(path, JSON.stringify(manifest))
  return path
}

/** One validator that signs nonsense, and one whose model is not the one that the chain names: it is the same one here. */
export function byzantine(net: Network, holder: { node: Program }): void {
  const liar = 3

  it('a validator that signs a price ten times too high does not bend it', async () => {
    await stop(holder.node)
    const config = variant(net, liar, 'liar', (lying) => {
      lying.inference = { manifest: tamperedModels(net) }
      for (const feed of lying.plugins[0]?.config?.feeds ?? [])
        if (feed.id === PRICE)
          feed.source.pools = feed.source.pools.map((pool) => ({ ...pool, baseDecimals: 19 }))
    })
    holder.node = startNode(net, config)
    const api = net.description.api[0] ?? ''
    const found = await until(
      'a round with the lie in its evidence',
      async () => {
        if (holder.node.hasEnded()) throw new Error(holder.node.stderr())
        for (const { round: number } of await rounds(api, PRICE, 3)) {
          const candidate = await round(api, PRICE, number)
          if (candidate.evidence?.observations.some((entry) => entry.oracle === liar && !entry.accepted))
            return candidate
        }
        return null
      },
      { withinMs: 60_000, everyMs: 500 },
    )
    const { pins, observations, answer } = decodeEvidence(found.evidence?.encoded ?? '0x')
    expect(await priceAtPins(net, pins)).toBe(answer)
    expect(observations.find(({ oracle }) => oracle === liar)?.value).toBeGreaterThan(9n * answer)
    expect(observations.filter((entry) => !entry.accepted).map(({ oracle }) => oracle)).toEqual([liar])
  })

  it('a validator with other weights than the registered ones refuses its model and abstains', async () => {
    const own = net.description.api[liar] ?? ''
    const { data } = await get<{ data: { id: string; status: string; reason: string }[] }>(`${own}/v1/models`)
    expect(data.find(({ id }) => id === 'volatility')).toMatchObject({
      status: 'refused',
      reason: expect.stringContaining('golden'),
    })
    const readiness = await request(`${own}/ready`)
    expect(readiness.status).toBe(503)
    expect(JSON.parse(readiness.text).checks).toContainEqual(
      expect.objectContaining({
        name: 'inference',
        ok: false,
        detail: expect.stringContaining('volatility'),
      }),
    )
    const since = await moreRounds(net, VOLATILITY, 1)
    const api = net.description.api[0] ?? ''
    const { evidence } = await until('its evidence', () => round(api, VOLATILITY, since), {
      withinMs: 15_000,
    })
    expect(evidence?.observations.map(({ oracle }) => oracle)).toEqual([0, 1, 2])
  })
}
