import type { MarketBar } from '../../node/features/market-window.ts'
import type { SeriesReader } from '../../node/ports/series.ts'

/** A node's series of one-minute candles, newest first as the port says. Everything else is out of reach. */
export function candleReader(bars: readonly MarketBar[], knownUntil: number | null): SeriesReader {
  const unused = () => Promise.reject(new Error('not a part of this test'))
  return {
    list: unused,
    rolling: unused,
    knownUntil: async () => knownUntil,
    async candles({ from = 0, to = Infinity, limit }) {
      const found = bars.filter(({ start }) => start >= from && start < to).toReversed()
      const rest = { volumeBase: 1n, trades: 1, final: true }
      return {
        knownUntil,
        candles: found.slice(0, limit).map((bar) => ({ open: bar.close, ...bar, ...rest })),
      }
    },
  }
}
