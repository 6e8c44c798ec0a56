import { describe, expect, it } from 'vitest'
import { outcomeOf } from '../../../node/adapters/viem/broadcast.ts'
import { bumpedFees, type Fees } from '../../../node/adapters/viem/fees.ts'
import { KeyMemory } from '../../../node/adapters/viem/key-memory.ts'

describe('outcomeOf', () => {
  it.each([
    ['already known', 'accepted'],
    ['AlreadyKnown', 'accepted'],
    ['transaction already imported', 'accepted'],
    ['nonce too low: next nonce 5, tx nonce 3', 'nonce_low'],
    ['OldNonce', 'nonce_low'],
    ['Nonce too high. Expected nonce to be 1 but got 5', 'nonce_high'],
    ['replacement transaction underpriced', 'occupied'],
    ['transaction underpriced', 'fee_low'],
    ['max fee per gas less than block base fee: address 0x1, maxFeePerGas: 1, baseFee: 7', 'fee_low'],
    ['FeeTooLow, EffectivePriorityFeePerGas too low', 'fee_low'],
    ['insufficient funds for gas * price + value: address 0x1 have 0 want 1', 'funds'],
    ['Insufficient funds for gas * price + value', 'funds'],
    ['intrinsic gas too low', 'refused'],
    ['exceeds block gas limit', 'refused'],
    ['invalid sender', 'refused'],
  ])('reads %j as %s', (reason, outcome) => {
    expect(outcomeOf(reason)).toBe(outcome)
  })
})

describe('bumpedFees', () => {
  const old: Fees = { type: 'eip1559', maxFeePerGas: 1_000n, maxPriorityFeePerGas: 80n }
  const market: Fees = { type: 'eip1559', maxFeePerGas: 10n, maxPriorityFeePerGas: 1n }

  it('raises both fees by an eighth at least', () => {
    expect(bumpedFees(old, market, 10_000n)).toEqual({
      type: 'eip1559',
      maxFeePerGas: 1_126n,
      maxPriorityFeePerGas: 91n,
    })
  })

  it('follows a market that rose further', () => {
    const risen: Fees = { type: 'eip1559', maxFeePerGas: 5_000n, maxPriorityFeePerGas: 2n }
    expect(bumpedFees(old, risen, 10_000n)).toMatchObject({ maxFeePerGas: 5_000n, maxPriorityFeePerGas: 91n })
  })

  it('has no answer above the cap', () => {
    expect(bumpedFees(old, market, 1_125n)).toBeNull()
    expect(bumpedFees({ type: 'legacy', gasPrice: 100n }, { type: 'legacy', gasPrice: 1n }, 112n)).toBeNull()
  })

  it('raises a gas price', () => {
    const legacy: Fees = { type: 'legacy', gasPrice: 100n }
    expect(bumpedFees(legacy, { type: 'legacy', gasPrice: 1n }, 200n)).toEqual({
      type: 'legacy',
      gasPrice: 113n,
    })
  })
})

describe('KeyMemory', () => {
  it('joins, forgets rejections, and drops the least recently used result', async () => {
    const memory = new KeyMemory<string>({ limit: 2 })
    let runs = 0
    const run = async (): Promise<string> => `run ${runs++}`
    expect(await Promise.all([memory.join('a', run), memory.join('a', run)])).toEqual(['run 0', 'run 0'])
    await expect(memory.join('x', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await memory.join('x', run)).toBe('run 1')
    expect(await memory.join('a', run)).toBe('run 0')
    await memory.join('b', run)
    expect(await memory.join('a', run)).toBe('run 0')
    expect(await memory.join('x', run)).toBe('run 3')
  })
})
