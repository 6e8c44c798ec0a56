import { zeroHash } from 'viem'
import type { IndexReader } from '../../../node/ports/index-reader.ts'
import type { Row } from '../../../node/ports/index-tables.ts'
import type { ContractRef } from '../../../node/ports/quorum.ts'
import { OracleError } from '../errors.ts'
import type { Pin } from '../feed-types.ts'
import { type InferenceRequestRow, ofOracle, recordsOf, requestsById } from './pending.ts'
import type { RequestRules } from './request-rules.ts'
import type { UpkeepItem } from './request-types.ts'

/** Chores of one report; the contract takes 32. */
export const MAX_UPKEEP = 16
/** Answers that nobody challenged are settled once so many of them wait, or one for so long. */
const SETTLED_TOGETHER = 8
const SETTLED_WITHIN_SECONDS = 3_600
/** A verdict keeps the committee's seed by itself; after so many blocks without one it is kept before it is out of reach. */
const DRAW_AFTER_BLOCKS = 32n
const LOOKED_AT = 200

type AnswerRow = Row<'inferenceAnswer'>
type DisputeRow = Row<'inferenceDispute'>

/** What the contract has to be told to do for a request: nothing of it happens by itself. */
type Chore = 'deliver' | 'settle' | 'draw' | 'close'

/**
 * The leader's: requests for which something is due at the pin. A callback that waits is made at once, as are committees and
 * disputes that are out of time; prices of answers that nobody challenged are earned several at a time.
 */
export async function dueAt(
  index: IndexReader,
  oracle: ContractRef,
  { rules, pin, isResting }: { rules: RequestRules; pin: Pin; isResting: (requestId: bigint) => boolean },
): Promise<readonly UpkeepItem[]> {
  const complete = { chainId: oracle.chainId, block: pin.number }
  const oldest = [{ column: 'blockNumber', direction: 'asc' }] as const
  const [answered, waiting, disputed] = await Promise.all([
    index.select({
      table: 'inferenceRequest',
      where: [...ofOracle(oracle), { column: 'status', op: '=', value: 'answered' }],
      ...{ orderBy: oldest, limit: LOOKED_AT, complete },
    }),
    index.select({
      table: 'inferenceRequest',
      where: [
        ...ofOracle(oracle),
        { column: 'finalOnly', op: '=', value: true },
        { column: 'delivered', op: '=', value: false },
        { column: 'status', op: 'in', value: ['final', 'upheld', 'overturned', 'unresolved'] },
      ],
      ...{ orderBy: oldest, limit: LOOKED_AT, complete },
    }),
    index.select({
      table: 'inferenceRequest',
      where: [...ofOracle(oracle), { column: 'status', op: '=', value: 'disputed' }],
      ...{ orderBy: oldest, limit: LOOKED_AT, complete },
    }),
  ])
  const rows = [...waiting, ...answered, ...disputed].filter(({ requestId }) => !isResting(requestId))
  const records = await recordsOf(index, oracle, rows, pin)
  const due = rows.flatMap((row) => {
    const chore = choreOf(row, records.get(row.requestId), pin)
    return chore === null ? [] : [{ row, chore, since: records.get(row.requestId)?.answer?.finalAt ?? 0n }]
  })
  const settled = due.filter(({ chore }) => chore === 'settle')
  const worth =
    settled.length >= SETTLED_TOGETHER ||
    settled.some(({ since }) => since + BigInt(SETTLED_WITHIN_SECONDS) < BigInt(pin.timestamp))
  const items: UpkeepItem[] = []
  let gas = 0
  for (const { row, chore } of due) {
    if (items.length === MAX_UPKEEP) break
    if (chore === 'settle' && !worth) continue
    const item = itemOf(row)
    if (items.length > 0 && gas + item.callbackGasLimit > rules.maxCallbackGas) continue
    gas += item.callbackGasLimit
    items.push(item)
  }
  return items
}

/**
 * A follower's: takes a chore only if something is due at the pin, as far as this node knows, and it does not rest. That somebody
 * else did it since the pin costs a round: it is refused then.
 * @throws OracleError `ORACLE_BAD_QUERY`, IndexError `INDEX_BEHIND`
 */
export async function checkUpkeep(
  index: IndexReader,
  oracle: ContractRef,
  {
    rules,
    pin,
    upkeep,
    isResting,
  }: {
    rules: RequestRules
    pin: Pin
    upkeep: readonly UpkeepItem[]
    isResting: (requestId: bigint) => boolean
  },
): Promise<void> {
  const ids = upkeep.map(({ requestId }) => requestId)
  const known = await requestsById(index, oracle, ids, pin)
  const records = await recordsOf(index, oracle, [...known.values()], pin)
  for (const { requestId, callbackGasLimit } of upkeep) {
    const row = known.get(requestId)
    if (row === undefined || isResting(requestId) || choreOf(row, records.get(requestId), pin) === null)
      throw new OracleError('ORACLE_BAD_QUERY', `nothing is due for request ${requestId} at the pinned block`)
    if (itemOf(row).callbackGasLimit !== callbackGasLimit)
      throw new OracleError('ORACLE_BAD_QUERY', `request ${requestId} has another callback`)
  }
  const gas = upkeep.reduce((sum, { callbackGasLimit }) => sum + callbackGasLimit, 0)
  if (upkeep.length > 1 && gas > rules.maxCallbackGas)
    throw new OracleError('ORACLE_BAD_QUERY', 'the callbacks that wait have more gas than one report gives')
}

const itemOf = ({ requestId, finalOnly, callbackGasLimit }: InferenceRequestRow): UpkeepItem => ({
  requestId,
  callbackGasLimit: finalOnly ? callbackGasLimit : 0,
})

/** What is due, by what had happened up to the pin and was not made up for since. */
function choreOf(
  { finalOnly, delivered, status }: InferenceRequestRow,
  record: { readonly answer?: AnswerRow; readonly dispute?: DisputeRow } | undefined,
  pin: Pin,
): Chore | null {
  const now = BigInt(pin.timestamp)
  const answer = record?.answer
  const dispute = record?.dispute
  if (answer === undefined || answer.blockNumber > pin.number) return null
  const waits = finalOnly && !delivered
  if (dispute === undefined || dispute.blockNumber > pin.number) {
    if (answer.finalAt >= now || answer.finalAt === answer.timestamp) return null
    if (waits) return 'deliver'
    return status === 'answered' ? 'settle' : null
  }
  if (dispute.endedBlock !== 0n) return waits && dispute.endedBlock <= pin.number ? 'deliver' : null
  if (dispute.deadline < now) return 'close'
  return dispute.seed === zeroHash && dispute.blockNumber + DRAW_AFTER_BLOCKS < pin.number ? 'draw' : null
}
