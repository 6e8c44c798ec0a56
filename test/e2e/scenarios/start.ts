import { getAddress, isAddress } from 'viem'
import { expect, it } from 'vitest'
import { rpc } from '../kit/chain.ts'
import { isReady } from '../kit/http.ts'
import type { Network } from '../kit/network.ts'

const PARTS = ['devnet', 'postgres', 'ponder', 'chain-a', 'chain-b']
const VALIDATORS = [0, 1, 2, 3]

/** What `npm start` leaves behind for people (a table) and for programs (`devnet.json`). */
export function comesUp(net: Network): void {
  it('describes itself in devnet.json, exactly as promised', async () => {
    const { description, base } = net
    expect(description.api).toEqual(VALIDATORS.map((at) => `http://127.0.0.1:${base + 10 + at}`))
    expect(description.admin).toEqual(VALIDATORS.map((at) => `http://127.0.0.1:${base + 50 + at}`))
    expect(description.chains).toEqual([
      { id: 31_337, name: 'chain-a', rpc: `http://127.0.0.1:${base}` },
      { id: 31_338, name: 'chain-b', rpc: `http://127.0.0.1:${base + 1}` },
    ])
    expect(Object.keys(description.contracts)).toEqual(['31337', '31338'])
    const market = ['IyiToken', 'Pool', 'PoolTrader', 'UsdToken']
    expect(Object.keys(description.contracts[31_337] ?? {}).sort()).toEqual(
      [
        ...['InferenceOracle', 'ModelRegistry', ...market],
        ...['IyiUsdPriceFeed', 'IyiUsdVolatilityFeed', 'IyiUsdVolatilityTermFeed'],
      ].sort(),
    )
    // The price feed's mirror.
    expect(Object.keys(description.contracts[31_338] ?? {}).sort()).toEqual(
      ['IyiUsdPriceFeed', ...market].sort(),
    )
    expect(description.feeds.map(({ id }) => id)).toEqual([
      'iyi-usd-price',
      'iyi-usd-volatility-1h',
      'iyi-usd-volatility-term',
    ])
    expect(Object.keys(description.pids).sort()).toEqual(
      [...PARTS, ...VALIDATORS.map((at) => `validator-${at}`)].sort(),
    )
    expect(description.pids.devnet).toBe(net.devnet.pid)

    for (const [chainId, contracts] of Object.entries(description.contracts))
      for (const address of Object.values(contracts)) {
        expect(address).toBe(getAddress(address))
        const chain = description.chains.find(({ id }) => id === Number(chainId))
        expect(await rpc(chain?.rpc ?? '', 'eth_getCode', [address, 'latest'])).not.toBe('0x')
      }
    for (const { chainId, address } of description.feeds) {
      expect(isAddress(address)).toBe(true)
      expect(Object.values(description.contracts[chainId] ?? {})).toContain(address)
    }
    const running = new Set(net.processes().map(({ pid }) => pid))
    for (const pid of Object.values(description.pids)) expect(running).toContain(pid)
  })

  it('prints a table with everything that runs, and how to start a validator again', () => {
    const table = net.devnet.stdout()
    expect(table).toMatch(/Devnet ready after \d+ s: 4 validators, 1 of them may fail\./)
    for (const url of [...net.description.api, ...net.description.admin]) expect(table).toContain(url)
    for (const { rpc: url } of net.description.chains) expect(table).toContain(url)
    for (const feed of net.description.feeds)
      expect(table).toContain(`${feed.address} on chain ${feed.chainId}`)
    for (const pid of Object.values(net.description.pids).filter((pid) => pid !== net.devnet.pid))
      expect(table).toContain(`pid ${pid}`)
    for (const at of VALIDATORS)
      expect(table).toMatch(new RegExp(`npx iyi start --config \\S+/validator-${at}/iyi.yaml`))
  })

  it('tells its steps on standard error', () => {
    for (const step of ['start PostgreSQL and two chains', 'deploy the contracts', 'start 4 validators'])
      expect(net.devnet.stderr()).toContain(step)
    expect(net.devnet.stderr()).not.toContain('error ')
  })

  it('has four validators that say they are ready', async () => {
    for (const api of net.description.api) expect(await isReady(api)).toBe(true)
  })
}
