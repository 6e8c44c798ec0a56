import type { SeriesReader } from '../ports/series.ts'
import { FeatureError } from './feature-error.ts'
import { marketFeatures } from './market-features.ts'
import { MARKET_BAR_SECONDS, MARKET_WINDOW, marketWindow } from './market-window.ts'

/**
 * The features of a series that the node keeps, at the end of a closed bar.
 * @param query `end` in Unix seconds, a multiple of `MARKET_BAR_SECONDS`
 * @throws FeatureError `FEATURES_NOT_CLOSED`, `FEATURES_TOO_SHORT`, `FEATURES_BAD_BAR` (also of an
 *     `end` inside a bar); SeriesError
 */
export async function seriesFeatures(
  reader: SeriesReader,
  { series, end }: { readonly series: string; readonly end: number },
): Promise<Float32Array> {
  if (!Number.isSafeInteger(end) || end % MARKET_BAR_SECONDS !== 0)
    throw new FeatureError(
      'FEATURES_BAD_BAR',
      `${end} is not where a bar ends: give a multiple of ${MARKET_BAR_SECONDS} seconds`,
    )
  // Bars without a trade have no candle: the newest so many hold the window, and what was traded last before it.
  const { candles, knownUntil } = await reader.candles({
    series,
    interval: '1m',
    to: end,
    limit: MARKET_WINDOW + 1,
  })
  if (knownUntil === null || knownUntil < end)
    throw new FeatureError(
      'FEATURES_NOT_CLOSED',
      `trades of ${series} are in up to ${knownUntil ?? 'nowhere'}, the bar ends at ${end}: wait until the chain is indexed that far`,
    )
  return marketFeatures(marketWindow(candles, end))
}
