import type { Hex } from '../../../node/ports/chain.ts'
import type { Condition, IndexReader } from '../../../node/ports/index-reader.ts'
import type { Row } from '../../../node/ports/index-tables.ts'
import type { ContractRef } from '../../../node/ports/quorum.ts'
import type { Pin } from '../feed-types.ts'
import type { RequestRules } from './request-rules.ts'

export type InferenceRequestRow = Row<'inferenceRequest'>

/** More wait at once only behind these. */
const LOOKED_AT = 2_000
/** Most that the index gives: those whose inputs nobody delivers must not be in the way of the others. */
const LOOKED_AT_BY_HASH = 10_000

export const ofOracle = ({ chainId, address }: ContractRef) =>
  [
    { column: 'chainId', op: '=', value: chainId },
    { column: 'oracle', op: '=', value: address.toLowerCase() as Hex },
  ] as const

interface Asked {
  readonly pin: Pin
  readonly digests: readonly Hex[]
  readonly rules: RequestRules
}

/**
 * The oldest requests of these models that wait for an answer at a pinned block, those that have their inputs on-chain and
 * those that name them by hash, each in order of the chain. Rejects with `INDEX_BEHIND` when the index lacks the block.
 */
export async function pendingAt(
  index: IndexReader,
  oracle: ContractRef,
  asked: Asked,
): Promise<{
  readonly whole: readonly InferenceRequestRow[]
  readonly byHash: readonly InferenceRequestRow[]
}> {
  const [whole, byHash] = await Promise.all([
    waiting(index, oracle, asked, { column: 'input', op: '!=', value: '0x' }, LOOKED_AT),
    waiting(index, oracle, asked, { column: 'input', op: '=', value: '0x' }, LOOKED_AT_BY_HASH),
  ])
  return { whole, byHash }
}

async function waiting(
  index: IndexReader,
  oracle: ContractRef,
  { pin, digests, rules }: Asked,
  input: Condition<'inferenceRequest'>,
  limit: number,
): Promise<readonly InferenceRequestRow[]> {
  if (digests.length === 0) return []
  const rows = await Promise.all(
    // Not ended yet, or only after the pin: an index that is ahead of it must say the same as one that is not.
    (
      [
        { op: '=', value: 0n },
        { op: '>', value: pin.number },
      ] as const
    ).map((ended) =>
      index.select({
        table: 'inferenceRequest',
        where: [
          ...ofOracle(oracle),
          { column: 'blockNumber', op: '<=', value: pin.number },
          { column: 'deadline', op: '>', value: BigInt(pin.timestamp + rules.inFlightSeconds) },
          { column: 'modelDigest', op: 'in', value: digests },
          input,
          { column: 'endedBlock', ...ended },
        ],
        orderBy: [
          { column: 'blockNumber', direction: 'asc' },
          { column: 'logIndex', direction: 'asc' },
        ],
        limit,
        complete: { chainId: oracle.chainId, block: pin.number },
      }),
    ),
  )
  return inOrder(rows.flat().filter((row) => isPendingAt(row, pin, rules)))
}

/** Older first. */
export const inOrder = (rows: readonly InferenceRequestRow[]): readonly InferenceRequestRow[] =>
  [...rows].sort((a, b) => Number(a.blockNumber - b.blockNumber) || a.logIndex - b.logIndex)

/** Those of the given ids that the index knows, by id. */
export async function requestsById(
  index: IndexReader,
  oracle: ContractRef,
  requestIds: readonly bigint[],
  pin: Pin,
): Promise<ReadonlyMap<bigint, InferenceRequestRow>> {
  const rows = await index.select({
    table: 'inferenceRequest',
    where: [...ofOracle(oracle), { column: 'requestId', op: 'in', value: requestIds }],
    complete: { chainId: oracle.chainId, block: pin.number },
  })
  return new Map(rows.map((row) => [row.requestId, row]))
}

/** Answers and disputes of the given requests, by id. */
export async function recordsOf(
  index: IndexReader,
  oracle: ContractRef,
  requests: readonly { readonly requestId: bigint }[],
  pin: Pin,
): Promise<
  ReadonlyMap<
    bigint,
    { readonly answer?: Row<'inferenceAnswer'>; readonly dispute?: Row<'inferenceDispute'> }
  >
> {
  if (requests.length === 0) return new Map()
  const where = [
    ...ofOracle(oracle),
    { column: 'requestId', op: 'in', value: requests.map(({ requestId }) => requestId) },
  ] as const
  const complete = { chainId: oracle.chainId, block: pin.number }
  const [answers, disputes] = await Promise.all([
    index.select({ table: 'inferenceAnswer', where, complete }),
    index.select({ table: 'inferenceDispute', where, complete }),
  ])
  const challenged = new Map(disputes.map((dispute) => [dispute.requestId, dispute]))
  return new Map(
    answers.map((answer) => {
      const dispute = challenged.get(answer.requestId)
      return [answer.requestId, dispute === undefined ? { answer } : { answer, dispute }]
    }),
  )
}

/** Made by then, not ended by then, and with time left for a report to get there. */
export function isPendingAt(
  row: InferenceRequestRow,
  pin: Pin,
  { inFlightSeconds }: Pick<RequestRules, 'inFlightSeconds'>,
): boolean {
  return (
    row.blockNumber <= pin.number &&
    (row.endedBlock === 0n || row.endedBlock > pin.number) &&
    row.deadline > BigInt(pin.timestamp + inFlightSeconds)
  )
}
