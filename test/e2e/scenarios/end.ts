import { expect, it } from 'vitest'
import { latestRound } from '../kit/chain.ts'
import { isReady } from '../kit/http.ts'
import { type Network, START_MS } from '../kit/network.ts'
import { nothingLeft } from '../kit/nothing-left.ts'
import { processTree } from '../kit/processes.ts'
import { iyi, type Program } from '../kit/program.ts'
import { until } from '../kit/until.ts'
import { PRICE } from '../kit/validator.ts'

/** Nothing stays behind, however it ends. */
export function ends(net: Network): void {
  const ports = () => [
    net.base,
    net.base + 1,
    net.base + 2,
    net.base + 3,
    ...[0, 1, 2, 3].flatMap((at) => [net.base + 10 + at, net.base + 50 + at, net.base + 90 + at]),
  ]

  it('killed outright, it takes all its programs with it within 10 s', async () => {
    const processes = net.processes()
    expect(processes.length).toBeGreaterThan(8)
    net.devnet.signal('SIGKILL')
    await nothingLeft({ processes }, 10_000)
  })

  it('and the next start in the same folder and on the same ports works', async () => {
    await net.start()
    for (const api of net.description.api) expect(await isReady(api)).toBe(true)
    expect((await latestRound(net, PRICE)).roundId).toBeGreaterThan(0n)
  })

  it('SIGTERM: exit code 0 within 15 s, no process and no port left', async () => {
    const processes = net.processes()
    net.devnet.signal('SIGTERM')
    const { code } = await net.devnet.ended(15_000)
    expect(code, net.devnet.stderr()).toBe(0)
    await nothingLeft({ processes, ports: ports() }, 1_000)
  })

  /** Starts it once more, up to the moment when its validators come up. */
  async function halfStarted(): Promise<Program> {
    const devnet = iyi(['devnet', '--dir', net.dir, '--port-base', String(net.base)])
    net.onDispose(() => devnet.destroy())
    await until(
      'the validators start',
      () => processTree(devnet.pid).some(({ command }) => /validator-3/.test(command)),
      {
        withinMs: START_MS,
        saw: () => devnet.stderr(),
      },
    )
    return devnet
  }

  it('SIGTERM while it starts: the same', async () => {
    const devnet = await halfStarted()
    const processes = processTree(devnet.pid)
    devnet.signal('SIGTERM')
    expect((await devnet.ended(15_000)).code, devnet.stderr()).toBe(0)
    await nothingLeft({ processes }, 1_000)
  })

  it('ends, and says why, when a program that it needs has ended', async () => {
    const devnet = await halfStarted()
    const processes = processTree(devnet.pid)
    const chain = processes.find(({ command }) => command.includes(`--port ${net.base + 1} `))
    process.kill(chain?.pid ?? 0, 'SIGKILL')
    expect((await devnet.ended(20_000)).code).toBe(1)
    expect(devnet.stderr()).toMatch(/^error DEVNET_PART_ENDED: chain-b .*logs\/chain-b\.log$/m)
    await nothingLeft({ processes }, 1_000)
  })
}
