import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { expect, it } from 'vitest'
import { moreRounds, rpc } from '../kit/chain.ts'
import { get, isReady, rounds } from '../kit/http.ts'
import type { Network } from '../kit/network.ts'
import { until } from '../kit/until.ts'
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
      await moreRounds(net, PRICE, 6)
    } finally {
      ended.abort()
    }
    for (const connected of await Promise.all(floods)) expect(connected).toBeGreaterThan(100)
    for (const api of net.description.api.slice(0, 2)) expect(await isReady(api)).toBe(true)
    const { peers } = await get<{ peers: { connected: boolean }[] }>(`${net.description.api[0]}/v1/node`)
    expect(peers.filter(({ connected }) => connected).length).toBeGreaterThanOrEqual(2)
  })

  it('validators that can not pay are relieved by the one that can', async () => {
    const api = net.description.api[0] ?? ''
    const { validators } = await get<{ validators: { index: number; transmitter: string }[] }>(
      `${api}/v1/node`,
    )
    const rich = validators.find(({ index }) => index === 2)?.transmitter
    const poor = validators.map(({ transmitter }) => transmitter).filter((address) => address !== rich)
    expect(poor).toHaveLength(3)
    const chain = net.description.chains[0]?.rpc ?? ''
    const setBalances = (wei: string) =>
      Promise.all(poor.map((address) => rpc(chain, 'anvil_setBalance', [address, wei])))
    const before = String(await rpc(chain, 'eth_getBalance', [poor[0], 'latest']))
    await setBalances('0x0')
    try {
      // What they had sent before can no longer be paid for; what is in the block that is just being made was.
      const since = BigInt(String(await rpc(chain, 'eth_blockNumber', []))) + 1n
      await moreRounds(net, PRICE, 4, 90_000)
      // The API shows a round once its block is indexed and confirmed.
      const later = await until(
        'two rounds since are served',
        async () => {
          const found = (await rounds(api, PRICE)).filter((entry) => BigInt(entry.blockNumber) > since)
          return found.length > 1 ? found : null
        },
        { withinMs: 30_000 },
      )
      expect(new Set(later.map(({ transmitter }) => transmitter))).toEqual(new Set([rich]))
    } finally {
      await setBalances(before)
    }
  })
}
