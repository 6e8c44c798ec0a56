import { decodeAbiParameters, decodeFunctionResult, encodeFunctionData } from 'viem'
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
import { checkRequests, checkShape, pickRequests } from './pick-requests.ts'
import { requestObservationCodec, requestOutcomeCodec, requestQueryCodec } from './request-codecs.ts'
import type { RequestInputs } from './request-inputs.ts'
import { parseRule, requestOutcome } from './request-outcome.ts'
import { answersReportAbi, requestReports } from './request-report.ts'
import { decodeRequestRules } from './request-rules.ts'
import type { RequestObservation, RequestOutcome, RequestQuery } from './request-types.ts'

/** As InferenceOracle.sol numbers them. */
const PENDING = 1

export interface RequestDutyModules {
  readonly chain: ChainReader
  readonly index: IndexReader
  readonly trust: ChainTrust
  readonly clock: Clock
  readonly inference: Inference
  readonly inputs: RequestInputs
  readonly log: Logger
}

/** The duty of one inference oracle: take the requests that wait at a pinned block, run their models, agree, report. */
export function requestDuty(
  { id, contract }: InferenceConfig,
  modules: RequestDutyModules,
): Duty<RequestQuery, RequestObservation, RequestOutcome> {
  const home: ContractRef = { chainId: contract.chainId, address: contract.address }
  const rulesOf = remember(decodeRequestRules)
  const chainIds = [home.chainId]

  return {
    id: `oracle/${id}`,
    contract: home,
    signatures: 'quorum',
    codecs: { query: requestQueryCodec, observation: requestObservationCodec, outcome: requestOutcomeCodec },

    async query(ctx, previous) {
      const rules = rulesOf(ctx.pluginConfig)
      const chosen = await choosePins({ chainIds, maxAgeSeconds: rules.maxPinAgeSeconds }, previous, modules)
      const pin = chosen?.pins[0]
      if (pin === undefined) return null
      const items = await pickRequests(home, { rules, n: ctx.n }, pin, previous, modules)
      return items.length === 0 ? null : { pins: [pin], items }
    },

    async observe(ctx, query, previous) {
      const rules = rulesOf(ctx.pluginConfig)
      checkShape(rules, ctx.n, query)
      const options = { chainIds, maxAgeSeconds: rules.maxPinAgeSeconds, signal: ctx.signal }
      await checkPins(options, query, previous, modules)
      const rows = await checkRequests(home, rules, query, previous, modules)
      const { inference, inputs, log } = modules
      return {
        results: await Promise.all(
          rows.map((row) => answerRequest(row, { inference, inputs, log, signal: ctx.signal })),
        ),
      }
    },

    validate(ctx, query, _previous, { results }) {
      checkChains(chainIds, query)
      checkShape(rulesOf(ctx.pluginConfig), ctx.n, query)
      for (const { rule } of query.items) parseRule(rule)
      if (results.length !== query.items.length)
        throw new OracleError('ORACLE_BAD_OBSERVATION', 'an observation has a result for each request')
      for (const result of results) {
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

    /** Somebody else's report may have answered all of it, or everything in it timed out. */
    async shouldTransmit(_ctx, { payload }) {
      const [, , , answers] = decodeAbiParameters(answersReportAbi, payload)
      const waiting = await Promise.all(
        answers.map(({ requestId }) => isPending(modules.chain, home, requestId)),
      )
      return waiting.includes(true)
    },
  }
}

async function isPending(
  chain: ChainReader,
  { chainId, address }: ContractRef,
  requestId: bigint,
): Promise<boolean> {
  const functionName = 'getRequest'
  const call = encodeFunctionData({ abi: inferenceOracleAbi, functionName, args: [requestId] })
  const data = await chain.call(chainId, { to: address, data: call })
  return decodeFunctionResult({ abi: inferenceOracleAbi, functionName, data }).status === PENDING
}
