import { decodeFunctionResult, encodeFunctionData } from 'viem'
import { inferenceOracleAbi } from '../../../contracts/abi/InferenceOracle.ts'
import type { ChainReader } from '../../../node/ports/chain.ts'
import { IyiError } from '../../../node/ports/errors.ts'
import type { IndexReader } from '../../../node/ports/index-reader.ts'
import type { Row } from '../../../node/ports/index-tables.ts'
import type { Inference } from '../../../node/ports/inference.ts'
import type { Logger } from '../../../node/ports/log.ts'
import type { ContractRef } from '../../../node/ports/quorum.ts'
import { OracleError } from '../errors.ts'
import type { Pin } from '../feed-types.ts'
import { type InferenceRequestRow, ofOracle, recordsOf, requestsById } from './pending.ts'
import { isResting, ruleOf } from './pick-requests.ts'
import type { RequestRules } from './request-rules.ts'
import type { DisputeItem, RequestOutcome, RequestQuery } from './request-types.ts'

/** Open at once; more are looked at once these are ruled on. */
const LOOKED_AT = 100

interface Modules {
  readonly index: IndexReader
  readonly chain: ChainReader
  readonly inference: Inference
}

/**
 * The leader's: the oldest disputes that are open at the pin, whose committee is drawn, of models that this node has, at most
 * `most`.
 */
export async function pickDisputes(
  oracle: ContractRef,
  { rules, most, busy }: { rules: RequestRules; most: number; busy: ReadonlySet<bigint> },
  pin: Pin,
  previous: RequestOutcome | null,
  { index, chain, inference, log }: Modules & { readonly log: Logger },
): Promise<readonly DisputeItem[]> {
  const open = await index.select({
    table: 'inferenceDispute',
    where: [
      ...ofOracle(oracle),
      { column: 'status', op: '=', value: 'open' },
      { column: 'blockNumber', op: '<=', value: pin.number },
    ],
    orderBy: [
      { column: 'blockNumber', direction: 'asc' },
      { column: 'logIndex', direction: 'asc' },
    ],
    limit: LOOKED_AT,
    complete: { chainId: oracle.chainId, block: pin.number },
  })
  const waiting = open
    .filter((row) => isOpenAt(row, pin, rules) && !isResting(row.requestId, pin, previous))
    .filter(({ requestId }) => !busy.has(requestId))
    .slice(0, 2 * most)
  if (waiting.length === 0) return []
  const ids = waiting.map(({ requestId }) => requestId)
  const requests = await requestsById(index, oracle, ids, pin)
  const records = await recordsOf(index, oracle, waiting, pin)
  const models = inference.models()
  const committees = new Map(
    await Promise.all(
      ids.map(async (id) => {
        try {
          return [id, await committeeAt(chain, oracle, id, pin)] as const
        } catch (error) {
          // Requests go on, whatever the provider makes of this call.
          log.warn(
            { requestId: id.toString(), err: error },
            'Leave out a dispute whose committee can not be read',
          )
          return [id, null] as const
        }
      }),
    ),
  )
  const items: DisputeItem[] = []
  let gas = 0
  for (const { requestId } of waiting) {
    if (items.length === most) break
    const row = requests.get(requestId)
    const answer = records.get(requestId)?.answer
    const model = models.find(({ digest }) => digest === row?.modelDigest)
    if (row === undefined || answer === undefined || model === undefined) continue
    const committee = committees.get(requestId) ?? null
    if (committee === null) continue
    const item = itemOf(row, answer, { rule: ruleOf(model), committee })
    if (items.length > 0 && gas + item.callbackGasLimit > rules.maxCallbackGas) continue
    gas += item.callbackGasLimit
    items.push(item)
  }
  return items
}

/**
 * A follower's: takes a dispute only if its own index has it open at the pin, over that very answer, and the contract drew that
 * committee. The request's rows are for whoever has to run the model.
 * @throws OracleError `ORACLE_BAD_QUERY`, IndexError `INDEX_BEHIND`, ChainError
 */
export async function checkDisputes(
  oracle: ContractRef,
  rules: RequestRules,
  { pins: [pin], disputes }: RequestQuery,
  previous: RequestOutcome | null,
  { index, chain, inference }: Modules,
): Promise<readonly InferenceRequestRow[]> {
  const ids = disputes.map(({ requestId }) => requestId)
  const requests = await requestsById(index, oracle, ids, pin)
  const records = await recordsOf(index, oracle, [...requests.values()], pin)
  const models = inference.models()
  const rows = await Promise.all(
    disputes.map(async (item) => {
      const refuse = (what: string) =>
        new OracleError('ORACLE_BAD_QUERY', `the dispute over request ${item.requestId} ${what}`)
      const row = requests.get(item.requestId)
      const { answer, dispute } = records.get(item.requestId) ?? {}
      if (row === undefined || answer === undefined || dispute === undefined)
        throw refuse('is not known at the pinned block')
      if (!isOpenAt(dispute, pin, rules)) throw refuse('is not open at the pinned block')
      if (isResting(item.requestId, pin, previous)) throw refuse('is resting')
      const model = models.find(({ digest }) => digest === row.modelDigest)
      if (model !== undefined && ruleOf(model) !== item.rule)
        throw refuse("comes with another rule than its model's")
      const committee = await committeeAt(chain, oracle, item.requestId, pin)
      if (committee === null) throw refuse('has no committee yet')
      const own = itemOf(row, answer, { rule: item.rule, committee })
      if (!isSame(own, item)) throw refuse('is not what the contract says')
      return row
    }),
  )
  const gas = disputes.reduce((sum, { callbackGasLimit }) => sum + callbackGasLimit, 0)
  if (disputes.length > 1 && gas > rules.maxCallbackGas)
    throw new OracleError(
      'ORACLE_BAD_QUERY',
      'the callbacks of these disputes have more gas than one report gives',
    )
  return rows
}

function itemOf(
  row: InferenceRequestRow,
  answer: Row<'inferenceAnswer'>,
  { rule, committee }: Pick<DisputeItem, 'rule' | 'committee'>,
): DisputeItem {
  const { requestId, modelDigest, inputHash, finalOnly, callbackGasLimit } = row
  return {
    ...{ requestId, modelDigest, inputHash, rule, committee },
    callbackGasLimit: finalOnly ? 0 : callbackGasLimit,
    outcome: answer.outcome,
    values: (answer.values as readonly string[]).map(BigInt),
  }
}

const isSame = (a: DisputeItem, b: DisputeItem): boolean =>
  a.modelDigest === b.modelDigest &&
  a.inputHash === b.inputHash &&
  a.callbackGasLimit === b.callbackGasLimit &&
  a.outcome === b.outcome &&
  a.values.join() === b.values.join() &&
  a.committee.join() === b.committee.join()

/** Challenged by then, not ended by then, and with time left for a verdict to get there. */
function isOpenAt(
  row: Row<'inferenceDispute'>,
  pin: Pin,
  { inFlightSeconds }: Pick<RequestRules, 'inFlightSeconds'>,
): boolean {
  return (
    row.blockNumber <= pin.number &&
    (row.endedBlock === 0n || row.endedBlock > pin.number) &&
    row.deadline > BigInt(pin.timestamp + inFlightSeconds)
  )
}

/** Whom the contract drew, asked of the contract itself at the pinned block; null while it has drawn nobody. */
async function committeeAt(
  chain: ChainReader,
  { chainId, address }: ContractRef,
  requestId: bigint,
  pin: Pin,
): Promise<readonly number[] | null> {
  const functionName = 'committee'
  const data = encodeFunctionData({ abi: inferenceOracleAbi, functionName, args: [requestId] })
  try {
    const found = await chain.call(chainId, { to: address, data, at: pin.hash })
    return decodeFunctionResult({ abi: inferenceOracleAbi, functionName, data: found })
  } catch (error) {
    if (error instanceof IyiError && error.code === 'CHAIN_CALL_REVERTED') return null
    throw error
  }
}
