import { decodeFunctionData, encodeFunctionResult, zeroHash } from 'viem'
import { inferenceOracleAbi } from '../../../../contracts/abi/InferenceOracle.ts'
import { systemClock } from '../../../../node/adapters/clock/system.ts'
import { IyiError } from '../../../../node/ports/errors.ts'
import type { IndexReader } from '../../../../node/ports/index-reader.ts'
import { requestDuty } from '../../../../plugins/oracle/requests/request-duty.ts'
import { requestInputs } from '../../../../plugins/oracle/requests/request-inputs.ts'
import type { RequestQuery } from '../../../../plugins/oracle/requests/request-types.ts'
import { memoryChain } from '../../../fakes/chain-reader.ts'
import { memoryTrust } from '../../../fakes/chain-trust.ts'
import { memoryContents } from '../../../fakes/contents.ts'
import { recordingLogger } from '../../../fakes/host-modules.ts'
import { memoryIndex } from '../../../fakes/index-reader.ts'
import { scriptedInference } from '../../../fakes/inference.ts'
import { instantClock } from '../../../fakes/instant-clock.ts'
import { HOME, ORIGIN } from '../kit.ts'
import { askable, inferenceConfig, MODEL, requestContext } from './kit.ts'

/** A validator whose chain has 2 confirmations and 20 blocks: what waits is looked at in block 17. */
export function validator() {
  const index = memoryIndex()
  index.setHead(HOME, 19n)
  return { ...validatorOver(index), index }
}

/** The same, with the index that `made` makes for the chain. */
export function validatorOver(made: IndexReader | ((chain: ReturnType<typeof memoryChain>) => IndexReader)) {
  const chain = memoryChain([{ id: HOME, confirmations: 2 }])
  const inference = scriptedInference(MODEL)
  inference.set(askable)
  chain.grow(HOME, 20)
  const index = typeof made === 'function' ? made(chain) : made
  const contents = memoryContents()
  const now = () => ORIGIN * 1_000
  const inputs = requestInputs(
    { keepMs: 600_000, keepAnsweredMs: 86_400_000 },
    { contents, clock: { ...systemClock, now } },
  )
  const duty = requestDuty(inferenceConfig(), {
    ...{ chain, index, inference, inputs, trust: memoryTrust(chain) },
    ...{ clock: instantClock(), log: recordingLogger() },
  })
  const query = async (previous: Parameters<typeof duty.query>[1] = null) => {
    const found = await duty.query(requestContext(), previous)
    if (found === null) throw new TypeError('there is nothing to do')
    return found
  }
  return { chain, index, inference, inputs, contents, duty, query }
}

export const ids = ({ items }: RequestQuery) => items.map(({ requestId }) => Number(requestId))

/** The contract says that of every request, and that these oracles were drawn. */
export function onChain(
  chain: ReturnType<typeof validator>['chain'],
  says: { status?: number; due?: number; delivered?: boolean; committee?: readonly number[] | null },
) {
  chain.onCall((_, { data }) => {
    const { functionName } = decodeFunctionData({ abi: inferenceOracleAbi, data })
    if (functionName === 'committee') {
      const { committee = [3, 0, 1] } = says
      if (committee === null) throw new IyiError('CHAIN_CALL_REVERTED', 'not drawn', { data: {} })
      return encodeFunctionResult({ abi: inferenceOracleAbi, functionName, result: [...committee] })
    }
    return encodeFunctionResult({
      abi: inferenceOracleAbi,
      functionName: 'getRequest',
      result: {
        ...{ status: says.status ?? 1, requester: '0x00000000000000000000000000000000000000c1' },
        ...{ modelDigest: zeroHash, inputHash: zeroHash, requestedAt: 0n, callbackGasLimit: 0 },
        ...{ due: BigInt(says.due ?? ORIGIN + 10_000), minAgreeing: 0, finalOnly: true },
        ...{ delivered: says.delivered ?? false, price: 0n, held: 0n },
      },
    })
  })
}
