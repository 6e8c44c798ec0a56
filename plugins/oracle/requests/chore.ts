import { zeroHash } from 'viem'
import type { Hex } from '../../../node/ports/chain.ts'
import type { IndexReader } from '../../../node/ports/index-reader.ts'
import type { Row } from '../../../node/ports/index-tables.ts'
import type { ContractRef } from '../../../node/ports/quorum.ts'
import { OracleError } from '../errors.ts'
import type { Pin } from '../feed-types.ts'
import { type InferenceRequestRow, recordsOf, requestsById } from './pending.ts'
import type { RequestRules } from './request-rules.ts'
import type { UpkeepItem } from './request-types.ts'

/** A verdict keeps the committee's seed by itself; after so many blocks without one it is kept before it is out of reach. */
export const DRAW_AFTER_BLOCKS = 32n

/** What the contract has to be told to do for a request: nothing of it happens by itself. */
export type Chore = 'deliver' | 'settle' | 'draw' | 'close'

/** Of an answer: what tells whether something is due. */
export const choreColumns = ['blockNumber', 'finalAt', 'timestamp'] as const

type ChoreRequest = Pick<InferenceRequestRow, 'requestId' | 'finalOnly' | 'delivered' | 'status'>

interface ChoreRecord {
  readonly answer: Pick<Row<'inferenceAnswer'>, (typeof choreColumns)[number]>
  readonly dispute?: Pick<Row<'inferenceDispute'>, 'blockNumber' | 'endedBlock' | 'deadline' | 'seed'>
}

/**
 * A follower's: takes a chore only if something is due at the pin, and it does not rest. That somebody else did it since the pin is
 * no reason to refuse it: anybody may do chores, and would fail a round by doing one of them. The contract passes over what is
 * done.
 * @throws OracleError `ORACLE_BAD_QUERY`, IndexError `INDEX_BEHIND`
 */
export async function checkUpkeep(
  index: IndexReader,
  oracle: ContractRef,
  {
    rules,
    pin,
    upkeep,
    resting,
  }: {
    rules: RequestRules
    pin: Pin
    upkeep: readonly UpkeepItem[]
    resting: ReadonlySet<bigint>
  },
): Promise<void> {
  const ids = upkeep.map(({ requestId }) => requestId)
  const known = await requestsById(index, oracle, ids, pin)
  const records = await recordsOf(index, oracle, [...known.values()], pin, choreColumns)
  const isDone = ({ requestId }: UpkeepItem) => {
    const row = known.get(requestId)
    return row !== undefined && choreOf(row, records.get(requestId), pin) === null
  }
  const since = upkeep.some(isDone) ? await doneSince(index, oracle, pin) : new Set<bigint>()
  for (const { requestId, callbackGasLimit } of upkeep) {
    const row = known.get(requestId)
    const chores = row === undefined ? [] : choresAt(row, records.get(requestId), pin)
    const isDue =
      row !== undefined && (choreOf(row, records.get(requestId), pin) !== null || since.has(requestId))
    if (row === undefined || !isDue || chores.length === 0 || resting.has(requestId))
      throw new OracleError('ORACLE_BAD_QUERY', `nothing is due for request ${requestId} at the pinned block`)
    if (upkeepItem(row).callbackGasLimit !== callbackGasLimit)
      throw new OracleError('ORACLE_BAD_QUERY', `request ${requestId} has another callback`)
  }
  const gas = upkeep.reduce((sum, { callbackGasLimit }) => sum + callbackGasLimit, 0)
  if (upkeep.length > 1 && gas > rules.maxCallbackGas)
    throw new OracleError('ORACLE_BAD_QUERY', 'the callbacks that wait have more gas than one report gives')
}

/** What the contract says when a chore was done, or was made needless. */
const doneBy = [
  'inference.InferenceFinalized',
  'inference.InferenceDelivered',
  'inference.CommitteeDrawn',
  'inference.DisputeResolved',
  'inference.DisputeUnresolved',
]

/** Requests for which something was done after the pin, as far as the index is. */
async function doneSince(
  index: IndexReader,
  { chainId, address }: ContractRef,
  pin: Pin,
): Promise<ReadonlySet<bigint>> {
  const events = await index.select({
    table: 'event',
    columns: ['data'],
    where: [
      { column: 'chainId', op: '=', value: chainId },
      { column: 'blockNumber', op: '>', value: pin.number },
      { column: 'address', op: '=', value: address.toLowerCase() as Hex },
      { column: 'name', op: 'in', value: doneBy },
    ],
    ...{ limit: 10_000, complete: { chainId, block: pin.number } },
  })
  return new Set(events.map(({ data }) => BigInt((data as { readonly requestId: string }).requestId)))
}

export const upkeepItem = ({
  requestId,
  finalOnly,
  callbackGasLimit,
}: Pick<InferenceRequestRow, 'requestId' | 'finalOnly' | 'callbackGasLimit'>): UpkeepItem => ({
  requestId,
  callbackGasLimit: finalOnly ? callbackGasLimit : 0,
})

/** What is due, by what had happened up to the pin and was not made up for since. */
export function choreOf(row: ChoreRequest, record: ChoreRecord | undefined, pin: Pin): Chore | null {
  const { delivered, status } = row
  const { dispute } = record ?? {}
  const isDone: Readonly<Record<Chore, boolean>> = {
    deliver: delivered,
    settle: status !== 'answered',
    draw: dispute?.seed !== zeroHash || dispute.endedBlock !== 0n,
    close: dispute?.endedBlock !== 0n,
  }
  return choresAt(row, record, pin).find((chore) => !isDone[chore]) ?? null
}

/** What was due at the pin, if nobody had done it by then. The first goes first. */
function choresAt({ finalOnly }: ChoreRequest, record: ChoreRecord | undefined, pin: Pin): readonly Chore[] {
  const now = BigInt(pin.timestamp)
  const { answer, dispute } = record ?? {}
  if (answer === undefined || answer.blockNumber > pin.number) return []
  const deliver: readonly Chore[] = finalOnly ? ['deliver'] : []
  if (dispute === undefined || dispute.blockNumber > pin.number) {
    if (answer.finalAt >= now || answer.finalAt === answer.timestamp) return []
    return [...deliver, 'settle']
  }
  if (dispute.endedBlock !== 0n && dispute.endedBlock <= pin.number) return deliver
  if (dispute.deadline < now) return ['close']
  return dispute.blockNumber + DRAW_AFTER_BLOCKS < pin.number ? ['draw'] : []
}
