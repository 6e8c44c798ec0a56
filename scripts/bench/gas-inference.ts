import {
  answerTo,
  ask,
  deployInference,
  type Inference,
  transmitAnswers,
} from '../../test/contracts/inference-fixture.ts'
import type { Network } from '../../test/contracts/network.ts'
import type { Figure } from './figure.ts'

/** Values of an answer that is kept as code. */
const MANY = 16

/**
 * Gas of asking an `InferenceOracle` of four nodes and of answering it, without a callback, in steady state: requester and
 * transmitter have had a credit before.
 *
 * - `gas.request`: one request with 12 bytes of input, through a contract.
 * - `gas.fulfil.1`: a report with one answer of one value.
 * - `gas.fulfil.8`: an answer of a report of eight, an eighth of it all.
 * - `gas.fulfil.1.v16`: a report with one answer of 16 values.
 *
 * @param report gas of a feed's report of four nodes, to compare with
 */
export async function inferenceGas(network: Network, report: number): Promise<Figure[]> {
  const oracle = await deployInference(network, 4)
  await ask(oracle, { callbackGasLimit: 0 })
  const { id, gas } = await ask(oracle, { callbackGasLimit: 0 })
  await transmitAnswers(oracle, 1, [answerTo(id)])
  const one = await fulfil(oracle, 2, 1, [42n])
  const eight = await fulfil(oracle, 3, 8, [42n])
  const many = await fulfil(
    oracle,
    4,
    1,
    Array.from({ length: MANY }, (_, i) => BigInt(i)),
  )
  const figure = (name: string, value: number, baseline: string, baselineValue: number): Figure => ({
    name: `gas.${name}`,
    value,
    unit: 'gas',
    baseline,
    baselineValue,
    ratio: value / baselineValue,
  })
  return [
    figure('request', Number(gas), 'gas.report.n4', report),
    figure('fulfil.1', one, 'gas.report.n4', report),
    figure('fulfil.8', eight, 'gas.fulfil.1', one),
    figure(`fulfil.1.v${MANY}`, many, 'gas.fulfil.1', one),
  ]
}

/** Gas of each answer of a report of `count`. */
async function fulfil(
  oracle: Inference,
  epoch: number,
  count: number,
  values: readonly bigint[],
): Promise<number> {
  const ids: bigint[] = []
  for (let i = 0; i < count; i++) ids.push((await ask(oracle, { callbackGasLimit: 0 })).id)
  const answers = ids.map((id) => answerTo(id, { values }))
  const { gasUsed } = await transmitAnswers(oracle, epoch, answers)
  return Math.round(Number(gasUsed) / count)
}
