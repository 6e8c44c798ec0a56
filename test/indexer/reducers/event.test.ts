import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { argsToJson, eventRow, logId } from '../../../indexer/src/reducers/event.ts'
import { place } from '../place.ts'

describe('event rows', () => {
  it('keeps integers of every size as decimal strings and hex in lower case', () => {
    expect(
      eventRow(place(), 'quorum.ConfigSet', {
        f: 1,
        answer: -(2n ** 191n),
        active: true,
        name: '0xAB is a name',
        signers: ['0xAB', '0xcd'],
        nested: { count: 2n ** 255n },
      }),
    ).toEqual({
      id: '31337-000000000007-000003',
      chainId: 31337,
      blockNumber: 7n,
      blockHash: `0x${'aa'.repeat(32)}`,
      logIndex: 3,
      transactionHash: `0x${'bb'.repeat(32)}`,
      timestamp: 1_700_000_003n,
      address: '0xabcdef0000000000000000000000000000000001',
      name: 'quorum.ConfigSet',
      data: {
        f: '1',
        answer: (-(2n ** 191n)).toString(),
        active: true,
        name: '0xAB is a name',
        signers: ['0xAB', '0xcd'],
        nested: { count: (2n ** 255n).toString() },
      },
    })
  })

  it('gives JSON that a round trip does not change', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.oneof(fc.bigInt(), fc.integer(), fc.string(), fc.boolean())),
        (args) => {
          const json = argsToJson(args)
          expect(JSON.parse(JSON.stringify(json))).toEqual(json)
        },
      ),
    )
  })

  it('gives ids that sort as the logs of a chain do', () => {
    const position = fc.record({ blockNumber: fc.bigInt(0n, 10n ** 12n - 1n), logIndex: fc.nat(999_999) })
    fc.assert(
      fc.property(position, position, (a, b) => {
        const order =
          a.blockNumber === b.blockNumber ? a.logIndex - b.logIndex : Number(a.blockNumber - b.blockNumber)
        const [first, second] = [logId(place(a)), logId(place(b))]
        expect(Math.sign(order)).toBe(first < second ? -1 : first > second ? 1 : 0)
      }),
    )
  })
})
