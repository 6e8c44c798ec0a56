import { describe, expect, it } from 'vitest'
import { answerRow, disputeRow, requestRow, verdictOf } from '../../../indexer/src/reducers/inference.ts'
import { pool as address, place } from '../place.ts'

const requestId = 2n ** 255n + 7n
const id = `31337-${address.toLowerCase()}-${requestId}`

describe('inference reducers', () => {
  it('has a new request pending, and not ended', () => {
    const row = requestRow(place(), {
      ...{ requestId, modelDigest: '0xAB', requester: address, modelId: 3n, version: 2, inputHash: '0xCD' },
      ...{ inputLength: 64, input: '0xEF', callbackGasLimit: 200_000, minAgreeing: 3, finalOnly: true },
      ...{ deadline: 1_700_003_600n, price: 5n, maxFee: 9n },
    })
    expect(row).toMatchObject({
      ...{
        id,
        oracle: address.toLowerCase(),
        requestId,
        modelDigest: '0xab',
        requester: address.toLowerCase(),
      },
      ...{
        inputHash: '0xcd',
        input: '0xef',
        status: 'pending',
        endedBlock: 0n,
        blockNumber: 7n,
        logIndex: 3,
      },
    })
  })

  it('keeps an answer’s values as decimal strings, whatever their size', () => {
    const row = answerRow(place(), {
      ...{ requestId, modelDigest: '0xAB', transmitter: address, outcome: 1, agreeing: 3, observers: 4 },
      ...{
        spread: 2n,
        values: [-(2n ** 255n), 0n],
        evidenceDigest: '0xEE',
        observationsTimestamp: 1_700_000_000,
      },
      ...{ finalAt: 1_700_000_033n, configCount: 1, epochAndRound: 513 },
    })
    expect(row).toMatchObject({
      ...{ id, values: [`-${2n ** 255n}`, '0'], observationsTimestamp: 1_700_000_000n, epochAndRound: 513n },
      ...{ evidenceDigest: '0xee', callback: 'none', gasUsed: 0n, gasFee: 0n },
    })
  })

  it('opens a dispute, and ends it with what the committee found', () => {
    const row = disputeRow(place(), {
      ...{ requestId, challenger: address, bond: 10n, anchorBlock: 12n, committeeSize: 3 },
      verdictDeadline: 1_700_000_600n,
    })
    expect(row).toMatchObject({ id, status: 'open', endedBlock: 0n, deadline: 1_700_000_600n, votes: 0 })
    const verdict = { votes: 2, distance: 40n, values: [7n], evidenceDigest: '0xDD' } as const
    expect(verdictOf(place({ blockNumber: 20n }), { ...verdict, upheld: false })).toEqual({
      ...{
        status: 'overturned',
        verdictTransaction: place().transactionHash.toLowerCase(),
        votes: 2,
        distance: 40n,
        values: ['7'],
        evidenceDigest: '0xdd',
        endedBlock: 20n,
      },
    })
    expect(verdictOf(place(), { ...verdict, upheld: true, values: [] }).status).toBe('upheld')
  })
})
