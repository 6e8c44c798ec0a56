import { decodeFunctionResult, encodeFunctionData } from 'viem'
import { inferenceOracleAbi } from '../../../contracts/abi/InferenceOracle.ts'
import type { ChainReader } from '../../../node/ports/chain.ts'
import { IyiError } from '../../../node/ports/errors.ts'
import type { IndexReader } from '../../../node/ports/index-reader.ts'
import type { Row } from '../../../node/ports/index-tables.ts'
import type { Inference } from '../../../node/ports/inference.ts'
import type { Logger } from '../../../node/ports/log.ts'
import type { ContractRef } from '../../../node/ports/quorum.ts'
import type { Pin } from '../feed-types.ts'
import { Backlog } from './backlog.ts'
import { type InferenceRequestRow, ofOracle, recordsOf, requestsById } from './pending.ts'
import { restingAt, ruleOf } from './pick-requests.ts'
import type { RequestRules } from './request-rules.ts'
import type { DisputeItem, RequestOutcome } from './request-types.ts'
import { Tries } from './tries.ts'
import { inTurns } from './turns.ts'

interface Modules {
  readonly index: IndexReader
  readonly chain: ChainReader
  readonly inference: Inference
  readonly log: Logger
}

/** Of an answer: what its dispute is about. */
export const answerColumns = ['outcome', 'values'] as const

/** The leader's choice among the disputes that are open. It keeps what it has looked at, and what was tried. */
export class DisputeQueue {
  readonly #oracle: ContractRef
  readonly #modules: Modules
  readonly #open = new Backlog()
  readonly #tries = new Tries<bigint>()
  #looks = 0

  constructor(oracle: ContractRef, modules: Modules) {
    this.#oracle = oracle
    this.#modules = modules
  }

  /** A round is about these: should they come again, they go behind those that it was not about. */
  note(disputes: readonly { readonly requestId: bigint }[]): void {
    this.#tries.note(disputes.map(({ requestId }) => requestId))
  }

  /**
   * Disputes that are open at the pin, whose committee is drawn, of models that this node has, at most `most`, in turns
   * (`turns.ts`).
   */
  async pick(
    { rules, most, busy }: { rules: RequestRules; most: number; busy: ReadonlySet<bigint> },
    pin: Pin,
    previous: RequestOutcome | null,
  ): Promise<readonly DisputeItem[]> {
    const { index, inference } = this.#modules
    if (most < 1) return []
    const resting = restingAt(pin, previous)
    const open = (await this.#look(pin)).filter(
      (row) => isOpenAt(row, pin, rules) && !resting.has(row.requestId) && !busy.has(row.requestId),
    )
    const waiting = inTurns(open, {
      whose: ({ challenger }) => challenger,
      tries: ({ requestId }) => this.#tries.inVain(requestId),
      ...{ most, newestFirst: this.#looks++ % 2 === 1 },
    }).slice(0, 2 * most)
    if (waiting.length === 0) return []
    const ids = waiting.map(({ requestId }) => requestId)
    const requests = await requestsById(index, this.#oracle, ids, pin)
    const records = await recordsOf(index, this.#oracle, waiting, pin, answerColumns)
    const committees = new Map(await Promise.all(ids.map((id) => this.#committee(id, pin))))
    const models = inference.models()
    const items: DisputeItem[] = []
    const unready: bigint[] = []
    let gas = 0
    for (const requestId of ids) {
      if (items.length === most) break
      const row = requests.get(requestId)
      const answer = records.get(requestId)?.answer
      const model = models.find(({ digest }) => digest === row?.modelDigest)
      const committee = committees.get(requestId) ?? null
      if (row === undefined || answer === undefined || model === undefined || committee === null) {
        unready.push(requestId)
        continue
      }
      const item = disputeItem(row, answer, { rule: ruleOf(model), committee })
      if (items.length > 0 && gas + item.callbackGasLimit > rules.maxCallbackGas) continue
      gas += item.callbackGasLimit
      items.push(item)
    }
    // In the way of others that no look comes to otherwise. Where all were looked at, waiting for a committee costs no turn.
    if (items.length < most && open.length > waiting.length) this.#tries.note(unready)
    return items
  }

  #look(pin: Pin) {
    return this.#open.look((page) =>
      this.#modules.index.select({
        table: 'inferenceDispute',
        columns: ['requestId', 'challenger', 'deadline', 'endedBlock', 'blockNumber', 'logIndex'],
        where: [
          ...ofOracle(this.#oracle),
          { column: 'endedBlock', op: '=', value: 0n },
          { column: 'blockNumber', op: '<=', value: pin.number },
        ],
        ...page,
        complete: { chainId: this.#oracle.chainId, block: pin.number },
      }),
    )
  }

  /** Requests go on, whatever the provider makes of this call. */
  async #committee(requestId: bigint, pin: Pin): Promise<readonly [bigint, readonly number[] | null]> {
    const { chain, log } = this.#modules
    try {
      return [requestId, await committeeAt(chain, this.#oracle, requestId, pin)]
    } catch (error) {
      log.warn(
        { requestId: requestId.toString(), err: error },
        'Leave out a dispute whose committee can not be read',
      )
      return [requestId, null]
    }
  }
}

export function disputeItem(
  row: InferenceRequestRow,
  answer: Pick<Row<'inferenceAnswer'>, (typeof answerColumns)[number]>,
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

/** Challenged by then, not ended by then, and with time left for a verdict to get there. */
export function isOpenAt(
  row: Pick<Row<'inferenceDispute'>, 'blockNumber' | 'endedBlock' | 'deadline'>,
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
export async function committeeAt(
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
