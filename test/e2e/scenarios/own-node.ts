import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { feed, rounds } from '../kit/http.ts'
import type { Network } from '../kit/network.ts'
import { nothingLeft } from '../kit/nothing-left.ts'
import { type Process, processTree } from '../kit/processes.ts'
import { iyi, type Program } from '../kit/program.ts'
import { until } from '../kit/until.ts'
import { configOf, PRICE, ready, startNode, stop, VOLATILITY } from '../kit/validator.ts'

/** A node as an operator has it: its own keys, database and indexer. It is no member, so it watches. */
export function ownNode(net: Network): void {
  const dir = () => join(net.dir, 'own-node')
  const path = () => join(dir(), 'iyi.yaml')
  const api = () => `http://127.0.0.1:${net.base + 7}`
  const ports = () => [4, 5, 6, 7, 8].map((offset) => net.base + offset)
  let node: Program
  let tree: Process[] = []

  /** Until it has a database and an indexer below it. */
  async function started(): Promise<void> {
    node = startNode(net, path())
    // A fresh indexer beside a whole network, on two cores.
    await ready(node, api(), 200_000)
    tree = processTree(node.pid)
    for (const part of [/ponder/, /postgres -D/, /guardian/])
      expect(tree.filter(({ command }) => part.test(command)).length, String(part)).toBeGreaterThan(0)
  }

  const allGone = (withinMs: number) => nothingLeft({ processes: tree, ports: ports() }, withinMs)

  it('init writes a configuration and keys', async () => {
    const init = iyi(['init', '--dir', dir(), '--generate-password'])
    net.onDispose(() => init.destroy())
    // Four keys, whose derivation is slow on purpose.
    expect((await init.ended(90_000)).code, init.stderr()).toBe(0)
    const [database, indexer, p2p, own, admin] = ports()
    const validator = configOf(net, 0)
    const config = parse(readFileSync(path(), 'utf8')) as Record<string, object>
    const peers = [0, 1, 2, 3].flatMap((index) => configOf(net, (index + 1) % 4).network.peers)
    writeFileSync(
      path(),
      stringify({
        ...config,
        name: 'own-node',
        chains: validator.chains,
        database: { ...config.database, mode: 'embedded', port: database },
        indexer: { ...config.indexer, mode: 'managed', port: indexer },
        network: { listen: [`/ip4/127.0.0.1/tcp/${p2p}`], peers: [...new Set(peers)] },
        api: { ...config.api, port: own },
        admin: { ...config.admin, port: admin },
        plugins: validator.plugins,
      }),
    )
    const check = iyi(['config', 'check', '--config', path()])
    net.onDispose(() => check.destroy())
    expect((await check.ended(30_000)).code, check.stderr()).toBe(0)
    expect(check.stdout()).toContain('oracle')
  })

  it('with its own database and indexer it serves the same rounds, as an observer', async () => {
    await started()
    for (const id of [PRICE, VOLATILITY]) {
      const theirs = await rounds(net.description.api[1] ?? '', id)
      const newest = BigInt(theirs[0]?.round ?? 0)
      await until(
        `round ${newest} of ${id}`,
        async () => (await rounds(api(), id)).some((entry) => BigInt(entry.round) === newest),
        { withinMs: 20_000 },
      )
      const own = (await rounds(api(), id)).filter((entry) => BigInt(entry.round) <= newest)
      const oldest = BigInt(own.at(-1)?.round ?? 0)
      expect(own).toEqual(theirs.filter((entry) => BigInt(entry.round) >= oldest))
      expect((await feed(api(), id)).duty.state).toBe('observer')
    }
  })

  it('takes its indexer and its database with it when it is killed outright', async () => {
    node.signal('SIGKILL')
    await allGone(10_000)
  })

  it('comes back on the same data, and ends in order', async () => {
    await started()
    expect(await stop(node)).toBe(0)
    await allGone(1_000)
  })
}
