import { expect, it } from 'vitest'
import { customEvent, customRow } from '../../../indexer/src/reducers/custom.ts'
import { type AbiInput, customTables } from '../../../node/ports/custom-tables.ts'

const place = {
  chainId: 1,
  blockNumber: 5n,
  blockHash: `0x${'AA'.repeat(32)}`,
  timestamp: 9n,
  transactionHash: `0x${'BB'.repeat(32)}`,
  logIndex: 2,
  address: `0x${'CC'.repeat(20)}`,
} as const

function rowOf(inputs: readonly AbiInput[], args: Parameters<typeof customRow>[2]) {
  const [table] = customTables({
    ...{ name: 'own', chainId: 1, startBlock: 0, source: { addresses: [] } },
    events: [{ type: 'event', name: 'Odd', inputs }],
  })
  if (table === undefined) throw new RangeError('no table')
  return customRow(place, table, args)
}

it('has the place of its log, and each input under its name in a type of its own', () => {
  const inputs = [
    { name: 'to', type: 'address', indexed: true },
    { name: 'amount', type: 'int8' },
    { name: 'ok', type: 'bool' },
    { name: 'note', type: 'string' },
    { name: 'topic', type: 'string', indexed: true },
    { name: 'list', type: 'uint256[]' },
    { name: 'address', type: 'bytes32' },
  ]
  const args = {
    // viem gives what is indexed first.
    topic: `0x${'Dd'.repeat(32)}`,
    to: `0x${'Ee'.repeat(20)}`,
    amount: -3,
    ok: true,
    note: 'a\0b',
    list: [1n, 2n],
    address: `0x${'12'.repeat(32)}`,
  } as const
  expect(rowOf(inputs, args)).toEqual({
    id: '1-000000000005-000002',
    ...{ chainId: 1, blockNumber: 5n, timestamp: 9n, logIndex: 2 },
    blockHash: `0x${'aa'.repeat(32)}`,
    transactionHash: `0x${'bb'.repeat(32)}`,
    address: `0x${'cc'.repeat(20)}`,
    addressArg: `0x${'12'.repeat(32)}`,
    to: `0x${'ee'.repeat(20)}`,
    ...{ amount: -3n, ok: true, note: 'a\u{fffd}b', list: ['1', '2'] },
    topic: `0x${'dd'.repeat(32)}`,
  })
})

it('counts inputs without a name', () => {
  expect(rowOf([{ type: 'uint8' }, { name: 'b', type: 'bool' }], [7, false])).toMatchObject({
    arg0: 7n,
    b: false,
  })
})

it('is an event of the log too: arguments by the names of their columns, integers as texts', () => {
  const [table] = customTables({
    ...{ name: 'own', chainId: 1, startBlock: 0, source: { addresses: [] } },
    events: [
      {
        type: 'event',
        name: 'Odd',
        inputs: [
          { name: 'id', type: 'uint256' },
          { name: 'note', type: 'string' },
          { name: 'parts', type: 'tuple', components: [{ name: 'x', type: 'int8' }] },
        ],
      },
    ],
  })
  if (table === undefined) throw new RangeError('no table')
  expect(customEvent(place, table, { id: 7n, note: 'a\0b', parts: { x: -1 } })).toMatchObject({
    ...{ id: '1-000000000005-000002', name: 'custom.own.Odd', address: `0x${'cc'.repeat(20)}` },
    data: { idArg: '7', note: 'a\u{fffd}b', parts: { x: '-1' } },
  })
})
