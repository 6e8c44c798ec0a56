import { describe, expect, it } from 'vitest'
import { readFixture } from '../../models/transfer-risk/fixture.ts'
import { ADDRESS_DEPTH, TOKEN_DEPTH, type Transfer, WINDOW_SECONDS } from '../../node/features/transfer.ts'
import { FEATURES, transferFeatures } from '../../node/features/transfer-features.ts'
import { TransferStream } from '../../node/features/transfer-stream.ts'
import type { Hex } from '../../node/ports/chain.ts'

const [ALICE, BOB, CAROL, TOKEN] = ['0xa1', '0xb2', '0xc3', '0x70'] as const
let serial = 0

/** A transfer so many seconds after the beginning; they are made in the chain's order. */
function transfer(
  seconds: number,
  from: Hex = '0xa1',
  to: Hex = '0xb2',
  value = 1000n,
  token: Hex = '0x70',
): Transfer {
  return { block: BigInt(seconds), timestamp: seconds, logIndex: serial++, token, from, to, value }
}

function all(transfers: readonly Transfer[]): Float32Array[] {
  const stream = new TransferStream()
  return transfers.map((each) => stream.push(each))
}

function featuresOfLast(...transfers: readonly Transfer[]): Record<(typeof FEATURES)[number], number> {
  const row = all(transfers).at(-1) ?? []
  return Object.fromEntries(FEATURES.map((name, i) => [name, row[i]])) as Record<
    (typeof FEATURES)[number],
    number
  >
}

describe('features of transfers', () => {
  const fixture = readFixture().transfers.map((entry) => entry.transfer)

  it('do not change when later transfers come', () => {
    const whole = all(fixture)
    for (const length of [1, 17, 200, fixture.length - 1])
      expect(all(fixture.slice(0, length))).toEqual(whole.slice(0, length))
  })

  it('are what the pure function gives of histories cut out of the whole list', () => {
    const found = all(fixture)
    for (const [i, judged] of fixture.entries()) {
      const before = fixture
        .slice(0, i)
        .filter(
          ({ token, timestamp }) => token === judged.token && timestamp >= judged.timestamp - WINDOW_SECONDS,
        )
      const history = (address: Hex) =>
        before
          .filter(({ from, to }) => from === address || to === address)
          .slice(-ADDRESS_DEPTH)
          .map(({ timestamp, from, to, value }) => {
            const [amount, incoming] = [Number(value), from !== address]
            return { timestamp, incoming, other: incoming ? from : to, amount, logAmount: Math.log1p(amount) }
          })
      const tokenLogAmounts = before.slice(-TOKEN_DEPTH).map(({ value }) => Math.log1p(Number(value)))
      const pure = transferFeatures(judged, {
        sender: history(judged.from),
        receiver: history(judged.to),
        tokenLogAmounts,
      })
      expect(pure, `transfer ${i}`).toEqual(found[i])
    }
  })

  it('see an amount that is passed on, how soon, and how much stays behind', () => {
    const seen = featuresOfLast(transfer(100, ALICE, BOB, 1000n), transfer(160, BOB, CAROL, 950n))
    expect(seen.passThroughRatio).toBeCloseTo(Math.log(1001 / 951), 5)
    expect(seen.passThroughDelay).toBeCloseTo(Math.log(61), 5)
    expect(seen.remainingShare).toBeCloseTo(0.05, 5)
    expect(seen.receiverIn).toBe(0)
  })

  it('see a pair that sends back what it got', () => {
    const seen = featuresOfLast(
      transfer(10, ALICE, BOB, 500n),
      transfer(20, BOB, ALICE, 500n),
      transfer(30, ALICE, BOB, 500n),
      transfer(40, BOB, ALICE, 500n),
    )
    expect(seen.pairImbalance).toBe(0)
    expect(seen.pairReturns).toBeCloseTo(Math.log(3), 5)
    expect(seen.pairRepeats).toBeCloseTo(Math.log(2), 5)
  })

  it('see tiny amounts, and one who sends like a clock', () => {
    const usual = Array.from({ length: 10 }, (_, i) => transfer(i, ALICE, BOB, 1_000_000n))
    const dust = Array.from({ length: 6 }, (_, i) => transfer(100 + 30 * i, CAROL, `0x${i}`, 10n))
    const seen = featuresOfLast(...usual, ...dust)
    expect(seen.amountVsToken).toBeLessThan(-5)
    expect(seen.amountVsSender).toBe(0)
    expect(seen.senderBurst).toBe(-1)
    expect(seen.senderFanOut).toBe(1)
  })

  it('keep each token to itself, and do not depend on its decimals', () => {
    const other = featuresOfLast(transfer(1, ALICE, BOB), transfer(2, ALICE, BOB, 1n, '0x71'))
    expect(other.senderOut).toBe(0)
    const scaled = (unit: bigint) =>
      featuresOfLast(transfer(1, ALICE, BOB, 3n * unit), transfer(2, BOB, CAROL, 2n * unit))
    const [small, large] = [scaled(10n ** 9n), scaled(10n ** 27n)]
    for (const name of FEATURES) expect(large[name], name).toBeCloseTo(small[name], 4)
  })

  it('are finite for the largest and the least of amounts, and for a transfer to oneself', () => {
    const most = (1n << 256n) - 1n
    const rows = all([
      transfer(1, ALICE, BOB, most),
      transfer(1, ALICE, BOB, 0n),
      transfer(1, BOB, BOB, most),
      transfer(1, BOB, ALICE, most),
      transfer(1, BOB, ALICE, 0n),
    ])
    for (const row of rows) expect([...row].every(Number.isFinite), String(row)).toBe(true)
  })
})

describe('the stream', () => {
  it('forgets who was silent for longer than the window, in every token', () => {
    const stream = new TransferStream()
    for (let i = 0; i < 50; i++) stream.push(transfer(i, `0x1${i}`, `0x2${i}`))
    stream.push(transfer(50, ALICE, BOB, 1n, '0x71'))
    expect(stream.addresses).toBe(102)
    stream.push(transfer(WINDOW_SECONDS + 40, ALICE, CAROL, 1n, TOKEN))
    // Silent since 40 or later: twice ten of the first token, two of the other.
    expect(stream.addresses).toBe(20 + 2 + 2)
    const seen = stream.push(transfer(3 * WINDOW_SECONDS, ALICE, CAROL))
    expect(seen[FEATURES.indexOf('senderOut')]).toBe(0)
    expect(stream.addresses).toBe(2)
  })

  it('counts no further than the depth of a history', () => {
    const row = featuresOfLast(...Array.from({ length: ADDRESS_DEPTH + 20 }, (_, i) => transfer(i)))
    expect(row.senderOut).toBeCloseTo(Math.log(ADDRESS_DEPTH + 1), 5)
  })

  it('refuses what is out of order or no transfer, and is as it was then', () => {
    const stream = new TransferStream()
    const first = transfer(100)
    stream.push(first)
    const code = (name: string) => expect.objectContaining({ code: name })
    expect(() => stream.push(first)).toThrowError(code('FEATURES_OUT_OF_ORDER'))
    expect(() => stream.push({ ...transfer(101), timestamp: 99 })).toThrowError(code('FEATURES_OUT_OF_ORDER'))
    expect(() => stream.push({ ...transfer(101), value: -1n })).toThrowError(code('FEATURES_BAD_TRANSFER'))
    expect(() => stream.push({ ...transfer(101), value: 1n << 256n })).toThrowError(
      code('FEATURES_BAD_TRANSFER'),
    )
    expect(() => stream.push({ ...transfer(101), timestamp: 101.5 })).toThrowError(
      code('FEATURES_BAD_TRANSFER'),
    )
    const fresh = new TransferStream()
    fresh.push(first)
    const next = transfer(101)
    expect(stream.push(next)).toEqual(fresh.push(next))
  })
})
