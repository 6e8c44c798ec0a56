import { expect, it } from 'vitest'
import { moreRounds } from '../kit/chain.ts'
import { get, isReady, round, rounds } from '../kit/http.ts'
import type { Network } from '../kit/network.ts'
import { type Program, program } from '../kit/program.ts'
import { until } from '../kit/until.ts'
import { PRICE, ready } from '../kit/validator.ts'

/** Waits for a round whose evidence holds an observation of this validator. */
export async function observesAgain(net: Network, id: string, oracle: number, since: bigint): Promise<void> {
  const api = net.description.api[0] ?? ''
  await until(
    `an observation of validator ${oracle} in the evidence of ${id}`,
    async () => {
      for (const entry of await rounds(api, id, 5)) {
        if (BigInt(entry.round) <= since) continue
        const { evidence } = await round(api, id, entry.round)
        if (evidence?.observations.some((observation) => observation.oracle === oracle)) return true
      }
      return false
    },
    { withinMs: 60_000, everyMs: 500 },
  )
}

/** A validator that is killed outright, and comes back. `after` gets it, running. */
export function crashAndReturn(net: Network, after: (node: Program) => void): void {
  const victim = 3

  it('goes on without a validator that was killed outright', async () => {
    process.kill(net.description.pids[`validator-${victim}`] ?? 0, 'SIGKILL')
    await until(
      'the devnet tells it',
      () => net.devnet.stdout().includes(`validator-${victim} ended (SIGKILL)`),
      {
        withinMs: 5_000,
      },
    )
    await moreRounds(net, PRICE, 4)
    expect(await isReady(net.description.api[victim] ?? '')).toBe(false)
    const { validators } = await get<{ validators: { index: number; connected: boolean }[] }>(
      `${net.description.api[0]}/v1/node`,
    )
    expect(validators.filter(({ connected }) => !connected).map(({ index }) => index)).toEqual([victim])
    for (const api of net.description.api.slice(0, victim)) expect(await isReady(api)).toBe(true)
  })

  it('takes it back when it is started with the very command that was printed', async () => {
    const api = net.description.api[victim] ?? ''
    const command = new RegExp(`npx iyi start --config \\S+/validator-${victim}/iyi.yaml`).exec(
      net.devnet.stdout(),
    )?.[0]
    if (command === undefined) throw new Error('no command was printed')
    const [npx = '', ...args] = command.split(' ')
    const node = program(npx, args)
    net.onDispose(() => node.destroy())
    await ready(node, api)
    const [since] = await rounds(api, PRICE, 1)
    expect(since).toBeDefined()
    await observesAgain(net, PRICE, victim, BigInt(since?.round ?? 0))
    // It has the rounds of its absence as well: they came through the index.
    const theirs = await rounds(net.description.api[0] ?? '', PRICE)
    await until(
      'it serves what the others serve',
      async () => (await rounds(api, PRICE)).some((entry) => entry.round === theirs[0]?.round),
      { withinMs: 10_000 },
    )
    const own = await rounds(api, PRICE)
    expect(own.filter((entry) => BigInt(entry.round) <= BigInt(theirs[0]?.round ?? 0))).toEqual(theirs)
    after(node)
  })
}
