import { sha256 } from 'viem'
import { describe, expect, test } from 'vitest'
import { requestOutcome } from '../../../../plugins/oracle/requests/request-outcome.ts'
import { memoryIndex } from '../../../fakes/index-reader.ts'
import { HOME, ORIGIN } from '../kit.ts'
import { gave, item, observations, requestContext, requestRow, rules } from './kit.ts'
import { ids, validator, validatorOver } from './validator.ts'

describe('a leader', () => {
  test('takes the oldest requests that wait at the pin, as many as a report has room for', async () => {
    const { index, query, duty } = validator()
    await expect(duty.query(requestContext(), null)).resolves.toBeNull()
    index.add(
      'inferenceRequest',
      requestRow(4, { blockNumber: 9n }),
      requestRow(3, { blockNumber: 8n }),
      requestRow(1),
      requestRow(2, { blockNumber: 18n }),
      requestRow(5, { blockNumber: 10n }),
      requestRow(6, { oracle: '0x00000000000000000000000000000000000000ff' }),
      requestRow(7, { deadline: BigInt(ORIGIN + 100) }),
      requestRow(8, { endedBlock: 16n }),
      // Answered above the pin: at the pin it waits.
      requestRow(9, { blockNumber: 4n, endedBlock: 18n }),
      requestRow(10, { modelDigest: `0x${'99'.repeat(32)}`, blockNumber: 1n }),
      // Its input is not on-chain; and one that a report would reach too late.
      requestRow(11, { input: '0x', blockNumber: 2n }),
      requestRow(12, { deadline: BigInt(ORIGIN + 170 + 30), blockNumber: 2n }),
    )
    expect(ids(await query())).toEqual([9, 1, 3])
  })

  test('names a request once that is answered, above the pin, while it is looked at', async () => {
    const memory = memoryIndex()
    memory.setHead(HOME, 19n)
    memory.add('inferenceRequest', requestRow(1))
    const answeredMeanwhile: typeof memory = {
      ...memory,
      async select(asked) {
        const rows = await memory.select(asked)
        const isOfWaiting = asked.where?.some(({ column, op }) => column === 'endedBlock' && op === '=')
        if (asked.table === 'inferenceRequest' && isOfWaiting && rows.length > 0) {
          memory.remove('inferenceRequest', () => true)
          memory.add('inferenceRequest', requestRow(1, { status: 'answered', endedBlock: 18n }))
        }
        return rows
      },
    }
    const { query } = validatorOver(answeredMeanwhile)
    expect(ids(await query())).toEqual([1])
  })

  test('takes fewer where many validators’ results must fit into an outcome', async () => {
    const { index, duty } = validator()
    index.add('inferenceRequest', requestRow(1), requestRow(2), requestRow(3))
    const found = await duty.query(requestContext({ n: 48 }), null)
    expect(found === null ? [] : ids(found)).toEqual([1, 2])
  })

  test('lets the requesters take turns: many questions of one keep nobody else waiting', async () => {
    const { index, query } = validator()
    const other = { requester: '0x00000000000000000000000000000000000000c9' } as const
    index.add(
      'inferenceRequest',
      ...[1, 2, 3, 4].map((id) => requestRow(id, { blockNumber: 5n })),
      requestRow(5, { ...other, blockNumber: 12n }),
      requestRow(6, { ...other, blockNumber: 13n }),
    )
    expect(ids(await query())).toEqual([1, 5, 2])
  })

  test('leaves out what rests, and what has too much gas beside others', async () => {
    const { index, query } = validator()
    index.add(
      'inferenceRequest',
      requestRow(1, { callbackGasLimit: 900_000 }),
      requestRow(2, { callbackGasLimit: 200_000 }),
      requestRow(3, { callbackGasLimit: 50_000 }),
    )
    const first = await query()
    expect(ids(first)).toEqual([1, 3])
    const previous = requestOutcome(
      { oracleId: 'questions', n: 4, f: 1, rules },
      { ...first, pins: [{ ...first.pins[0], number: 16n, hash: sha256('0x16') }], items: [item(1)] },
      null,
      observations(gave(1), gave(1), gave(1)),
    )
    expect(ids(await query(previous))).toEqual([2, 3])
  })
})
