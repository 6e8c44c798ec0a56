import { z } from 'zod'
import { type AlertCondition, type AlertRule, type DriftRule, measures, severities } from '../ports/alerts.ts'
import { candleIntervals } from '../ports/series.ts'
import { duration, secondsOf } from './duration.ts'

const widths: readonly string[] = candleIntervals
const WEEK = 604_800

const rule = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,62}$/, 'expected 1 to 63 lower-case letters, digits and -, a letter first')
      .describe('Tells its alerts apart.'),
    series: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe(
        'Ids of series, as `GET /v1/series` lists them; `*` stands for any characters. All when absent.',
      ),
    drift: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe(
        'Ids of models, as `GET /v1/models` lists them, instead of series; `*` stands for any characters. It fires while the population-stability index of an input or an output is above `above`: 0.25 is the usual limit. Beside it stand only `above`, `for` and `severity`.',
      ),
    measure: z
      .enum(measures)
      .optional()
      .describe(
        'What is measured of the window: `price` of the last trade, `vwap`, `return` (0.05 is 5 % up from its first trade), `range` (highest over lowest, less 1), `volumeBase`, `volumeQuote`, `trades`, `deviation` of the returns. Prices and volumes are as `GET /v1/series` has them: base units of the tokens, prices times 10^18.',
      ),
    window: duration()
      .refine((text) => !(secondsOf(text) > WEEK), 'expected at most 7d')
      .optional()
      .describe('The time that ends with the newest block.'),
    above: z.number().optional().describe('It fires while the value is greater than this.'),
    below: z.number().optional().describe('It fires while the value is less than this.'),
    unlike: z
      .strictObject({
        sigmas: z.number().positive().max(1_000).describe('So many robust standard deviations away.'),
        of: z
          .int()
          .min(8)
          .max(500)
          .describe('From the median of so many windows before. At least half must be there.'),
      })
      .optional()
      .describe(
        `It fires while the value is not as it was: an anomaly. The window is then as wide as a candle: ${candleIntervals.join(', ')}.`,
      ),
    for: duration()
      .optional()
      .describe('So long it must hold, in the time of the chain; at once when absent.'),
    severity: z.enum(severities).default('warning').describe('What it says to whoever reads it.'),
  })
  .refine(
    ({ drift, measure, window }) => drift !== undefined || (measure !== undefined && window !== undefined),
    {
      error: 'a rule on series has a measure and a window',
      params: { remedy: 'give both, or drift for a rule on models' },
    },
  )
  .refine(
    ({ drift, series, measure, window, below, unlike }) =>
      drift === undefined || [series, measure, window, below, unlike].every((value) => value === undefined),
    {
      path: ['drift'],
      error: 'a rule on models has no series, measure, window, below or unlike',
      params: { remedy: 'give above alone beside drift' },
    },
  )
  .refine(
    ({ above, below, unlike }) => [above, below, unlike].filter((value) => value !== undefined).length === 1,
    { error: 'a rule has one condition', params: { remedy: 'give one of above, below and unlike' } },
  )
  .refine(({ unlike, window }) => unlike === undefined || window === undefined || widths.includes(window), {
    path: ['window'],
    error: 'no candle is so wide',
    params: { remedy: `give one of ${candleIntervals.join(', ')} beside unlike` },
  })
  .refine(({ unlike, measure }) => unlike === undefined || measure !== 'deviation', {
    path: ['measure'],
    error: 'candles have no deviation',
    params: { remedy: 'take `range` or `return` beside unlike' },
  })

/** Rules that watch the series and the models. */
export const alertsSchema = z
  .array(rule)
  .max(1_000)
  .default([])
  .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, {
    error: 'two rules have the same name',
    params: { remedy: 'give each a name of its own' },
    when: ({ value }) => Array.isArray(value),
  })
  .describe(
    'Rules that watch the series of trades and the drift of models. What fires or ends is told by `GET /v1/alerts`, the stream, the metrics and the outbox.',
  )

type Configured = z.output<typeof rule>

/** Those that watch series, as their watch takes them. */
export function seriesRules(configured: readonly Configured[]): readonly AlertRule[] {
  return configured.flatMap((each) => {
    const { name, series = '*', measure, window, severity } = each
    // The schema asks for both where there is no drift.
    if (measure === undefined || window === undefined) return []
    return [
      {
        ...{ name, series, measure, severity, condition: conditionOf(each) },
        ...{ windowSeconds: secondsOf(window), forSeconds: forSecondsOf(each) },
      },
    ]
  })
}

/** Those that watch the drift of models, as their watch takes them. */
export function driftRules(configured: readonly Configured[]): readonly DriftRule[] {
  return configured.flatMap((each) => {
    const { name, drift, above, severity } = each
    if (drift === undefined || above === undefined) return []
    return [{ name, model: drift, limit: above, forSeconds: forSecondsOf(each), severity }]
  })
}

function forSecondsOf(configured: Configured): number {
  return configured.for === undefined ? 0 : secondsOf(configured.for)
}

function conditionOf({ above, below, unlike }: Configured): AlertCondition {
  if (unlike !== undefined) return { kind: 'unlike', ...unlike }
  return above === undefined
    ? { kind: 'below', limit: below ?? Number.NEGATIVE_INFINITY }
    : { kind: 'above', limit: above }
}
