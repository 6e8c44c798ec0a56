import { decodeFunctionResult, encodeFunctionData, zeroHash } from 'viem'
import { inferenceOracleAbi } from '../../../contracts/abi/InferenceOracle.ts'
import type { ChainReader } from '../../../node/ports/chain.ts'
import type { ChainTrust } from '../../../node/ports/chain-trust.ts'
import type { Clock } from '../../../node/ports/clock.ts'
import type { IndexReader } from '../../../node/ports/index-reader.ts'
import type { Inference } from '../../../node/ports/inference.ts'
import type { Logger } from '../../../node/ports/log.ts'
import type { ContractRef, Duty } from '../../../node/ports/quorum.ts'
import { checkChains, checkPins } from '../check-pins.ts'
import { choosePins } from '../choose-pins.ts'
import type { InferenceConfig } from '../config.ts'
import { OracleError } from '../errors.ts'
import { remember } from '../remember.ts'
import { answerRequest, isReportable, MAX_PROVIDER, MAX_VALUES } from './answer-request.ts'
import { checkDisputes } from './check-disputes.ts'
import { checkRequests, checkShape, mostRequests } from './check-requests.ts'
import { checkUpkeep } from './chore.ts'
import { parseRule } from './judging.ts'
import { DisputeQueue } from './open-disputes.ts'
import { PatientRuns } from './patient-runs.ts'
import type { InferenceRequestRow } from './pending.ts'
import { RequestQueue, restingAt } from './pick-requests.ts'
import { requestObservationCodec, requestOutcomeCodec, requestQueryCodec } from './request-codecs.ts'
import type { RequestInputs } from './request-inputs.ts'
import { requestOutcome } from './request-outcome.ts'
import { readReport, requestReports } from './request-report.ts'
import { decodeRequestRules } from './request-rules.ts'
import type { RequestObservation, RequestOutcome, RequestQuery, RequestResult } from './request-types.ts'
import { ChoreQueue } from './upkeep.ts'

/** Of runs that nobody gives up; the inference service ends them at its own limits, and when the node stops. */
const never = new AbortController().signal

/** After a reorganisation another request may have the same id. */
const keyOf = ({ id, modelDigest, inputHash }: InferenceRequestRow) => `${id} ${modelDigest} ${inputHash}`

const notDrawn: RequestResult = { kind: 'abstained', reason: 'not-drawn' }

export interface RequestDutyModules {
  readonly chain: ChainReader
  readonly index: IndexReader
  readonly trust: ChainTrust
  readonly clock: Clock
  readonly inference: Inference
  readonly inputs: RequestInputs
  readonly log: Logger
}

/**
 * The duty of one inference oracle: take the requests that wait at a pinned block, run their models, agree, report; rule on
 * the answers that are disputed there; and do the chores that the contract can't do by itself. One duty, since a contract has
 * one row of rounds.
 */
export function requestDuty(
  { id, contract }: InferenceConfig,
  modules: RequestDutyModules,
): Duty<RequestQuery, RequestObservation, RequestOutcome> {
  const home: ContractRef = { chainId: contract.chainId, address: contract.address }
  const rulesOf = remember(decodeRequestRules)
  const chainIds = [home.chainId]
  const runs = new PatientRuns(modules.clock)
  const requests = new RequestQueue(home, modules)
  const disputes = new DisputeQueue(home, modules)
  const chores = new ChoreQueue(modules.index, home)
  let looks = 0

  return {
    id: `oracle/${id}`,
    contract: home,
    signatures: 'quorum',
    // A model's run is dear: nobody shall wait for others' and say theirs.
    sealed: true,
    codecs: { query: requestQueryCodec, observation: requestObservationCodec, outcome: requestOutcomeCodec },

    async query(ctx, previous) {
      const rules = rulesOf(ctx.pluginConfig)
      const chosen = await choosePins({ chainIds, maxAgeSeconds: rules.maxPinAgeSeconds }, previous, modules)
      const pin = chosen?.pins[0]
      if (pin === undefined) return null
      const most = mostRequests(rules, ctx.n)
      // Half of the room, or of the rounds, so that neither keeps the other waiting for ever.
      const half = { rules, most: most > 1 ? Math.ceil(most / 2) : looks++ % 2 }
      const upkeep = await chores.pick({ rules, pin, resting: restingAt(pin, previous) })
      // What a dispute needs on-chain goes first: a committee that is not kept can be lost.
      const busy = new Set(upkeep.map(({ requestId }) => requestId))
      const disputed = await disputes.pick({ ...half, busy }, pin, previous)
      const room = { rules, most: most - disputed.length }
      const items = await requests.pick(room, pin, previous)
      if (items.length + disputed.length + upkeep.length === 0) return null
      return { pins: [pin], items, disputes: disputed, upkeep }
    },

    async observe(ctx, query, previous) {
      const rules = rulesOf(ctx.pluginConfig)
      checkShape(rules, ctx.n, query)
      const options = { chainIds, maxAgeSeconds: rules.maxPinAgeSeconds, signal: ctx.signal }
      await checkPins(options, query, previous, modules)
      const [rows, disputed] = await Promise.all([
        checkRequests(home, rules, query, previous, modules),
        checkDisputes(home, rules, query, previous, modules),
        checkUpkeep(modules.index, home, {
          ...{ rules, pin: query.pins[0], upkeep: query.upkeep },
          resting: restingAt(query.pins[0], previous),
        }),
      ])
      requests.note(query.items)
      disputes.note(query.disputes)
      const { inference, inputs, log } = modules
      // Not the round's signal: a run goes on when its round is over.
      const signal = never
      const [results, rulings] = await Promise.all([
        Promise.all(
          rows.map((row) =>
            runs.result(keyOf(row), () => answerRequest(row, { inference, inputs, log, signal })),
          ),
        ),
        Promise.all(
          disputed.map((row, at) =>
            query.disputes[at]?.committee.includes(ctx.self) === true
              ? runs.result(`${keyOf(row)} again`, () =>
                  answerRequest(row, { inference, inputs, log, signal, reference: true }),
                )
              : notDrawn,
          ),
        ),
      ])
      return { results, rulings }
    },

    validate(ctx, query, _previous, { results, rulings }) {
      checkChains(chainIds, query)
      checkShape(rulesOf(ctx.pluginConfig), ctx.n, query)
      for (const { rule } of [...query.items, ...query.disputes]) parseRule(rule)
      if (results.length !== query.items.length || rulings.length !== query.disputes.length)
        throw new OracleError(
          'ORACLE_BAD_OBSERVATION',
          'an observation has a result for each request and each dispute',
        )
      for (const result of [...results, ...rulings]) {
        if (result.kind === 'abstained') continue
        const { values, provider } = result
        if (!isReportable(values) || provider.length > MAX_PROVIDER)
          throw new OracleError(
            'ORACLE_BAD_OBSERVATION',
            `a result has 1 to ${MAX_VALUES} values, each an int256, and says in ${MAX_PROVIDER} characters what ran it`,
          )
      }
    },

    outcome: (ctx, query, previous, observations) =>
      requestOutcome(
        { oracleId: id, n: ctx.n, f: ctx.f, rules: rulesOf(ctx.pluginConfig) },
        query,
        previous,
        observations,
      ),

    reports: (_ctx, outcome) => requestReports(home, outcome),

    /** Somebody else's report may have done all of it, or it is too late for everything in it. */
    async shouldTransmit(_ctx, { payload }) {
      const { chain } = modules
      const { answers, verdicts, due } = readReport(payload)
      const { timestamp } = await chain.head(home.chainId)
      const ask = (ids: readonly bigint[], isWanted: (request: OnChain, inTime: boolean) => boolean) =>
        ids.map(async (id) => {
          const request = await readOnChain(chain, home, 'getRequest', id)
          return isWanted(request, request.due >= BigInt(timestamp))
        })
      const wanted = await Promise.all([
        ...ask(answers, (request, inTime) => request.status === status.pending && inTime),
        ...ask(verdicts, (request, inTime) => request.status === status.disputed && inTime),
        ...due.map((id) => isDue(chain, home, id, timestamp)),
      ])
      return wanted.includes(true)
    },
  }
}

/** As InferenceOracle.sol numbers where a request stands. */
const status = { pending: 1, answered: 2, disputed: 3, final: 4, refunded: 8 } as const

type OnChain = Awaited<ReturnType<typeof readOnChain<'getRequest'>>>

/** Whether the contract would still do anything for a request that something was due for. */
async function isDue(
  chain: ChainReader,
  home: ContractRef,
  requestId: bigint,
  now: number,
): Promise<boolean> {
  const request = await readOnChain(chain, home, 'getRequest', requestId)
  const inTime = request.due >= BigInt(now)
  if (request.status === status.answered) return !inTime
  if (request.status === status.disputed)
    return !inTime || (await readOnChain(chain, home, 'getDispute', requestId)).seed === zeroHash
  return (
    request.status >= status.final &&
    request.status < status.refunded &&
    request.finalOnly &&
    !request.delivered
  )
}

async function readOnChain<const N extends 'getRequest' | 'getDispute'>(
  chain: ChainReader,
  { chainId, address }: ContractRef,
  functionName: N,
  requestId: bigint,
) {
  const abi = inferenceOracleAbi
  const call = encodeFunctionData<typeof abi, 'getRequest' | 'getDispute'>({
    abi,
    functionName,
    args: [requestId],
  })
  const data = await chain.call(chainId, { to: address, data: call })
  return decodeFunctionResult<typeof abi, N>({ abi, functionName, data } as never)
}
