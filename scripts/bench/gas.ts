import type { Hex } from 'viem'
import { oracleFeedAbi } from '../../contracts/abi/OracleFeed.ts'
import {
  contextOf,
  deployFeed,
  type Feed,
  reportOf,
  transmission,
  transmit,
} from '../../test/contracts/feed-fixture.ts'
import { type Network, openNetwork } from '../../test/contracts/network.ts'
import type { Figure } from './figure.ts'
import { type GasAccount, gasAccount } from './gas-account.ts'
import { inferenceGas } from './gas-inference.ts'
import { vectorGas } from './gas-vector.ts'

/** Gas of OCR2's `transmit` in steady state with all observations present. */
const OCR2_TRANSMIT_GAS = new Map([
  [4, 94_900],
  [10, 113_000],
  [31, 178_000],
])

/**
 * Gas of one `OracleFeed.transmit` on an in-process chain, by size of the oracle set, worst case for the look-ups: the
 * last f + 1 oracles sign and the last transmitter sends.
 *
 * - `gas.report.n*`: steady state. The ring of rounds has been filled once, by transmissions, so a round overwrites a
 *   slot as all but a feed's first `historyLength()` rounds do.
 * - `gas.report.first.n*`: one of those first rounds, which fills an empty slot.
 * - `gas.account.<part>.n*`: what the gas of `gas.report.n*` went into; the parts add up to it.
 * - `gas.request`, `gas.fulfil.*`: see `inferenceGas`; `gas.vector.*`: see `vectorGas`.
 */
export async function gasBenchmarks(): Promise<Figure[]> {
  const network = await openNetwork()
  try {
    const figures: Figure[] = []
    for (const [n, baselineValue] of OCR2_TRANSMIT_GAS) {
      const { first, steady, account } = await measure(network, n)
      const gas = (name: string, value: number, baseline: string, of: number): Figure => ({
        name: `gas.${name}.n${n}`,
        value,
        unit: 'gas',
        baseline,
        baselineValue: of,
        ratio: value / of,
      })
      figures.push(gas('report', steady, 'OCR2 transmit', baselineValue))
      figures.push(gas('report.first', first, 'OCR2 transmit', baselineValue))
      for (const [part, value] of Object.entries(account))
        figures.push(gas(`account.${part}`, value, `gas.report.n${n}`, steady))
    }
    const report = figures.find(({ name }) => name === 'gas.report.n4')?.value ?? Number.NaN
    const vectors = await vectorGas(network, report)
    return [...figures, ...vectors, ...(await inferenceGas(network, report))]
  } finally {
    await network.close()
  }
}

async function measure(
  network: Network,
  n: number,
): Promise<{ first: number; steady: number; account: GasAccount }> {
  const feed = await deployFeed(network, n)
  const rounds = await network.public.readContract({
    address: feed.address,
    abi: oracleFeedAbi,
    functionName: 'historyLength',
  })
  // Not the very first round of a feed: that one also fills the slot of its state.
  await send(feed, 1)
  const first = await dearest(feed, 2)
  for (let epoch = 2 + SAMPLES; epoch <= rounds; epoch++) await send(feed, epoch)
  const steady = await dearest(feed, rounds + 1)
  return { first: first.gas, steady: steady.gas, account: await gasAccount(network, steady.hash) }
}

/** Gas differs by the zero bytes of signatures and digests; of so many transmissions the dearest counts. */
const SAMPLES = 5

async function dearest(feed: Feed, from: number): Promise<{ gas: number; hash: Hex }> {
  let found = await send(feed, from)
  for (let epoch = from + 1; epoch < from + SAMPLES; epoch++) {
    const next = await send(feed, epoch)
    if (next.gas > found.gas) found = next
  }
  return found
}

async function send(feed: Feed, epoch: number): Promise<{ gas: number; hash: Hex }> {
  const answer = 100_000n + BigInt(epoch % 1000)
  const report = await reportOf(feed, { answer })
  const args = await transmission(feed, contextOf(feed, epoch), report)
  const { gasUsed, transactionHash } = await transmit(feed, args)
  return { gas: Number(gasUsed), hash: transactionHash }
}

if (import.meta.main) {
  for (const { name, value, unit, baseline, baselineValue, ratio } of await gasBenchmarks()) {
    process.stdout.write(
      `${name} ${value} ${unit} (${baseline} ${baselineValue}, ratio ${ratio.toFixed(2)})\n`,
    )
  }
}
