import type { ChainReader } from '../../../node/ports/chain.ts'
import type { IndexReader } from '../../../node/ports/index-reader.ts'
import type { Inference } from '../../../node/ports/inference.ts'
import type { ContractRef } from '../../../node/ports/quorum.ts'
import { OracleError } from '../errors.ts'
import { answerColumns, committeeAt, disputeItem, isOpenAt } from './open-disputes.ts'
import { type InferenceRequestRow, recordsOf, requestsById } from './pending.ts'
import { restingAt, ruleOf } from './pick-requests.ts'
import type { RequestRules } from './request-rules.ts'
import type { DisputeItem, RequestOutcome, RequestQuery } from './request-types.ts'

interface Modules {
  readonly index: IndexReader
  readonly chain: ChainReader
  readonly inference: Inference
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
  const records = await recordsOf(index, oracle, [...requests.values()], pin, answerColumns)
  const models = inference.models()
  const resting = restingAt(pin, previous)
  const rows = await Promise.all(
    disputes.map(async (item) => {
      const refuse = (what: string) =>
        new OracleError('ORACLE_BAD_QUERY', `the dispute over request ${item.requestId} ${what}`)
      const row = requests.get(item.requestId)
      const { answer, dispute } = records.get(item.requestId) ?? {}
      if (row === undefined || answer === undefined || dispute === undefined)
        throw refuse('is not known at the pinned block')
      if (!isOpenAt(dispute, pin, rules)) throw refuse('is not open at the pinned block')
      if (resting.has(item.requestId)) throw refuse('is resting')
      const model = models.find(({ digest }) => digest === row.modelDigest)
      if (model !== undefined && ruleOf(model) !== item.rule)
        throw refuse("comes with another rule than its model's")
      const committee = await committeeAt(chain, oracle, item.requestId, pin)
      if (committee === null) throw refuse('has no committee yet')
      const own = disputeItem(row, answer, { rule: item.rule, committee })
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

const isSame = (a: DisputeItem, b: DisputeItem): boolean =>
  a.modelDigest === b.modelDigest &&
  a.inputHash === b.inputHash &&
  a.callbackGasLimit === b.callbackGasLimit &&
  a.outcome === b.outcome &&
  a.values.join() === b.values.join() &&
  a.committee.join() === b.committee.join()
