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

/** Gas of OCR2's `transmit` in steady state with all observations present. */
const OCR2_TRANSMIT_GAS = new Map([
  [4, 94_900],
  [10, 113_000],
  [31, 178_000],
])

/**
 * Gas of one `OracleFeed.transmit` on an in-process chain, by size of the oracle set, worst case for the look-ups: the
 * last f + 1 oracles sign and the last transmitter sends. Steady state: the ring of rounds has been filled once, by
 * transmissions, so a round overwrites a slot as all but a feed's first `historyLength()` rounds do.
 */
export async function gasBenchmarks(): Promise<Figure[]> {
  const network = await openNetwork()
  try {
    const figures: Figure[] = []
    for (const [n, baselineValue] of OCR2_TRANSMIT_GAS) {
      const value = await steadyStateGas(network, n)
      figures.push({
        name: `gas.report.n${n}`,
        value,
        unit: 'gas',
        baseline: 'OCR2 transmit',
        baselineValue,
        ratio: value / baselineValue,
      })
    }
    return figures
  } finally {
    await network.close()
  }
}

async function steadyStateGas(network: Network, n: number): Promise<number> {
  const feed = await deployFeed(network, n)
  const rounds = await network.public.readContract({
    address: feed.address,
    abi: oracleFeedAbi,
    functionName: 'historyLength',
  })
  for (let epoch = 1; epoch <= rounds; epoch++) await send(feed, epoch)
  const gas: number[] = []
  for (let epoch = rounds + 1; epoch <= rounds + 5; epoch++) gas.push(await send(feed, epoch))
  return Math.max(...gas)
}

async function send(feed: Feed, epoch: number): Promise<number> {
  const answer = 100_000n + BigInt(epoch % 1000)
  const report = await reportOf(feed, { answer })
  const { gasUsed } = await transmit(feed, await transmission(feed, contextOf(feed, epoch), report))
  return Number(gasUsed)
}

if (import.meta.main) {
  for (const { name, value, unit, baseline, baselineValue, ratio } of await gasBenchmarks()) {
    process.stdout.write(
      `${name} ${value} ${unit} (${baseline} ${baselineValue}, ratio ${ratio.toFixed(2)})\n`,
    )
  }
}
