import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { expect, it } from 'vitest'
import { latestRound, moreRounds, rpc } from '../kit/chain.ts'
import { get, isReady, rounds } from '../kit/http.ts'
import type { Network } from '../kit/network.ts'
import { configOf, PRICE } from '../kit/validator.ts'

/** Opens connections as fast as the other side takes them and writes noise into each, until `ended`. */
function flood(port: number, ended: AbortSignal): Promise<number> {
  const open = new Set<Socket>()
  let connected = 0
  const one = () => {
    if (ended.aborted) return
    const socket = connect({ host: '127.0.0.1', port })
    open.add(socket)
    socket.on('connect', () => {
      connected++
      socket.write(connected % 3 === 0 ? '' : randomBytes(connected % 3 === 1 ? 64 : 65_536))
    })
    socket.on('error', () => {})
    socket.on('data', () => {})
    socket.on('close', () => {
      open.delete(socket)
      setTimeout(one, 20)
    })
    // Some are held open and silent: those take a place until the node loses patience.
    setTimeout(() => socket.destroy(), 1_500)
  }
  for (let at = 0; at < 50; at++) one()
  return new Promise((resolve) => {
    ended.addEventListener('abort', () => {
      for (const socket of open) socket.destroy()
      resolve(connected)
    })
  })
}

/** Strangers at the door, and a validator without money. */
export function hostile(net: Network): void {
  it('garbage and a flood of connections at the libp2p ports do not stop a feed', async () => {
    const ended = new AbortController()
    const floods = [0, 1].map((index) => {
      const port = Number(/tcp\/(\d+)$/.exec(configOf(net, index).network.listen[0] ?? '')?.[1])
      return flood(port, ended.signal)
    })
    try {
      await moreRounds(net, PRICE, 2)
    } finally {
      ended.abort()
    }
    for (const connected of await Promise.all(floods)) expect(connected).toBeGreaterThan(50)
    for (const api of net.description.api.slice(0, 2)) expect(await isReady(api)).toBe(true)
    const { peers } = await get<{ peers: { connected: boolean }[] }>(`${net.description.api[0]}/v1/node`)
    expect(peers.filter(({ connected }) => connected).length).toBeGreaterThanOrEqual(2)
  })

  it('a validator that can not pay is relieved by the next in turn', async () => {
    const api = net.description.api[0] ?? ''
    const { validators } = await get<{ validators: { index: number; transmitter: string }[] }>(
      `${api}/v1/node`,
    )
    const poor = validators.find(({ index }) => index === 1)?.transmitter
    const chain = net.description.chains[0]?.rpc ?? ''
    const before = await rpc(chain, 'eth_getBalance', [poor, 'latest'])
    await rpc(chain, 'anvil_setBalance', [poor, '0x0'])
    try {
      // What it had sent before may still be mined.
      const since = (await latestRound(net, PRICE)).roundId + 1n
      await moreRounds(net, PRICE, 4, 90_000)
      const later = (await rounds(api, PRICE)).filter((entry) => BigInt(entry.round) > since)
      expect(later.length).toBeGreaterThan(1)
      for (const { transmitter } of later) expect(transmitter).not.toBe(poor)
    } finally {
      await rpc(chain, 'anvil_setBalance', [poor, before])
    }
  })
}
