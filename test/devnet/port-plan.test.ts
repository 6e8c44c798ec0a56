import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { type PortPlan, portPlan, requireFreePorts } from '../../node/devnet/port-plan.ts'

const all = (plan: PortPlan) => [
  ...plan.chains,
  plan.postgres,
  plan.ponder,
  ...plan.api,
  ...plan.admin,
  ...plan.p2p,
]

test('without a base the ports are the documented ones', () => {
  expect(portPlan(4)).toEqual({
    chains: [8545, 8546],
    postgres: 5420,
    ponder: 42069,
    api: [8420, 8421, 8422, 8423],
    admin: [8520, 8521, 8522, 8523],
    p2p: [9420, 9421, 9422, 9423],
  })
})

test.each([4, 25])('the documented ports of %i validators are all different', (validators) => {
  expect(new Set(all(portPlan(validators))).size).toBe(4 + 3 * validators)
})

test('more validators than the documented ports hold are told to bring a base', () => {
  expect(() => portPlan(26)).toThrow(
    expect.objectContaining({ code: 'DEVNET_BAD_OPTION', message: expect.stringContaining('--port-base') }),
  )
})

test.each([4, 7, 31])('%i validators get ports of their own, in one block', (validators) => {
  for (const base of [20_000, 65_405]) {
    const ports = all(portPlan(validators, base))
    expect(new Set(ports).size).toBe(4 + 3 * validators)
    expect(Math.min(...ports)).toBe(base)
    expect(Math.max(...ports)).toBeLessThan(base + 130)
    expect(Math.max(...ports)).toBeLessThanOrEqual(65_535)
  }
})

test.each([0, 80, 65_406, 2_000.5, Number.NaN])('the base %d is refused', (base) => {
  expect(() => portPlan(4, base)).toThrow(expect.objectContaining({ code: 'DEVNET_BAD_OPTION' }))
})

test('a taken port is named with its part and the way out; free ones pass, and stay free', async () => {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('no TCP address')
  // Only the port in question is looked at: the others of a real plan may belong to anybody on this machine.
  const plan: PortPlan = { chains: [0, 0], postgres: 0, ponder: 0, api: [], admin: [], p2p: [address.port] }
  try {
    await expect(requireFreePorts(plan)).rejects.toMatchObject({
      code: 'DEVNET_PORT_TAKEN',
      data: { port: address.port, part: 'libp2p of validator 0' },
      message: expect.stringContaining('--port-base'),
    })
  } finally {
    await new Promise((done) => server.close(done))
  }
  await requireFreePorts(plan)
  await requireFreePorts(plan)
})
