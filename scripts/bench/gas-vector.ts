import { oracleVectorFeedAbi } from '../../contracts/abi/OracleVectorFeed.ts'
import { contextOf, transmission, transmit } from '../../test/contracts/feed-fixture.ts'
import type { Network } from '../../test/contracts/network.ts'
import { deployVectorFeed, type VectorFeed, vectorReport } from '../../test/contracts/vector-fixture.ts'
import type { Figure } from './figure.ts'

const VALIDATORS = 4

/**
 * Gas of one `OracleVectorFeed.transmit` of four validators, measured as that of a feed of one number is.
 *
 * - `gas.vector.e4`, `gas.vector.e32`: 4 or 32 elements of 32 bits, in steady state.
 * - `gas.vector.e4.wide`: 4 elements that take 128 bits each.
 * - `gas.vector.first.e4`: one of the first rounds, which fills an empty slot.
 *
 * @param report gas of a report of one number, to compare with
 */
export async function vectorGas(network: Network, report: number): Promise<Figure[]> {
  const four = await measure(network, 4, 30n)
  const many = await measure(network, 32, 30n)
  const wide = await measure(network, 4, 126n)
  const figure = (name: string, value: number): Figure => ({
    name: `gas.vector.${name}`,
    value,
    unit: 'gas',
    baseline: 'gas.report.n4',
    baselineValue: report,
    ratio: value / report,
  })
  return [
    figure('e4', four.steady),
    figure('first.e4', four.first),
    figure('e4.wide', wide.steady),
    figure('e32', many.steady),
  ]
}

/** Steady state comes after a ring's worth of rounds. */
async function measure(
  network: Network,
  length: number,
  bits: bigint,
): Promise<{ first: number; steady: number }> {
  const feed = await deployVectorFeed(network, VALIDATORS, length)
  await send(feed, bits, 1)
  const first = await dearest(feed, bits, 2)
  const rounds = await network.public.readContract({
    address: feed.address,
    abi: oracleVectorFeedAbi,
    functionName: 'historyLength',
  })
  for (let epoch = 2 + SAMPLES; epoch <= rounds; epoch++) await send(feed, bits, epoch)
  return { first, steady: await dearest(feed, bits, rounds + 1) }
}

/** Gas differs by the zero bytes of signatures and digests; of so many transmissions the dearest counts. */
const SAMPLES = 5

async function dearest(feed: VectorFeed, bits: bigint, from: number): Promise<number> {
  let most = 0
  for (let epoch = from; epoch < from + SAMPLES; epoch++) most = Math.max(most, await send(feed, bits, epoch))
  return most
}

async function send(feed: VectorFeed, bits: bigint, epoch: number): Promise<number> {
  const answers = Array.from({ length: feed.length }, (_, i) => 2n ** bits + BigInt(epoch * 100 + i))
  const report = await vectorReport(feed, { answers, spread: BigInt(epoch) })
  const { gasUsed } = await transmit(feed, await transmission(feed, contextOf(feed, epoch), report))
  return Number(gasUsed)
}
