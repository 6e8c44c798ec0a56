import { describe, expect, it } from 'vitest'
import { decodeCheckpoint } from '../../../node/adapters/ponder/checkpoint.ts'
import { positionOf } from '../../../node/adapters/ponder/positions.ts'

const tail = {
  start: '0'.repeat(33),
  end: '9'.repeat(33),
  event: `${'1'.padStart(16, '0')}5${'3'.padStart(16, '0')}`,
}

function checkpoint(block: number, at: keyof typeof tail = 'end'): string {
  return `1700000000${'31337'.padStart(16, '0')}${`${block}`.padStart(16, '0')}${tail[at]}`
}

describe('checkpoints', () => {
  it('are read by place', () => {
    expect(decodeCheckpoint(checkpoint(42))).toEqual({
      timestamp: 1_700_000_000,
      blockNumber: 42n,
      wholeBlock: true,
    })
    expect(decodeCheckpoint(checkpoint(42, 'event'))).toMatchObject({ blockNumber: 42n, wholeBlock: false })
    expect(decodeCheckpoint('42')).toBeNull()
  })
})

describe('positions', () => {
  it.each([
    ['the end of a block when ready', [checkpoint(42), '1', null, null], 42n],
    ['the block before while at the backfill', [checkpoint(42), '0', null, null], 41n],
    ['the block before a checkpoint inside a block', [checkpoint(42, 'event'), '1', null, null], 41n],
    ['the watermark when it is further', [checkpoint(42), '1', '50', '1700000008'], 50n],
    ['the checkpoint when the watermark is behind', [checkpoint(42), '1', '40', '1700000000'], 42n],
    ['the watermark when the checkpoint is unreadable', ['?', '1', '40', '1700000000'], 40n],
  ] as const)('are %s', (_, [safe, ready, block, timestamp], expected) => {
    expect(positionOf(['31337', safe, ready, block, timestamp])).toMatchObject({
      chainId: 31337,
      block: expected,
    })
  })

  it('are unknown before the first block', () => {
    expect(positionOf(['31337', checkpoint(0, 'start'), '0', null, null])).toBeNull()
  })
})
