import { z } from 'zod'

const share = () => z.number().min(0).max(1)

const candidate = z
  .strictObject({
    digest: z
      .string()
      .regex(
        /^0x[0-9a-f]{64}$/,
        'expected a digest: 0x and 64 lower-case hex digits, as `iyi model list` prints it',
      )
      .meta({ examples: [`0x${'5e'.repeat(32)}`] })
      .describe('Digest of the new version. Another version of the model goes on meanwhile.'),
    shadow: share()
      .refine((value) => value > 0, 'expected more than 0: without shadow runs nothing would be known of it')
      .default(0.1)
      .describe(
        'Share of the runs of the version at work, duties too, that are repeated with it and compared, 0 to 1.',
      ),
    canary: share()
      .default(0)
      .describe(
        "Share of the API's runs by id that it answers, 0 to 1, once `minRuns` runs were compared. Never a duty's run, nor one that names a digest.",
      ),
    window: z.int().min(20).max(2_000).default(500).describe('It is judged by so many of its newest runs.'),
    minRuns: z.int().min(10).max(2_000).default(100).describe('Fewer compared runs say nothing.'),
    maxDisagreement: share()
      .default(0.01)
      .describe('Share of compared runs that may disagree; at more it is set aside.'),
    maxFailures: share().default(0.01).describe('Share of its runs that may fail; at more it is set aside.'),
    maxSlowdown: z
      .number()
      .min(1)
      .max(1_000)
      .default(3)
      .describe(
        'How many times as long as the version at work it may take at the 95th percentile; at more it is set aside. Less than 10 ms is never too slow.',
      ),
    maxDrift: z
      .number()
      .positive()
      .max(100)
      .default(0.25)
      .describe(
        'Population-stability index of its outputs against the reference in its manifest, where it has one; at more it is set aside, if the version at work has one too and does not drift as far.',
      ),
    tolerance: z
      .strictObject({
        absolute: z
          .string()
          .regex(/^(0|[1-9][0-9]{0,38})$/, 'expected a decimal string')
          .describe('Quantised units.'),
        relativePpm: z.int().min(0).max(1_000_000).describe('Millionths of the value.'),
      })
      .optional()
      .meta({ examples: [{ absolute: '20000', relativePpm: 50_000 }] })
      .describe(
        "How far its numbers may lie from those of the version at work: the larger of the two. The manifest's tolerance when absent, which is for one model on two machines: a model that was trained anew needs a wider one. Of scores (agreement by `class` or `top-k`) what they choose is compared.",
      ),
  })
  .refine(({ minRuns, window }) => minRuns <= window, {
    path: ['minRuns'],
    error: 'is more than the window holds',
    params: { remedy: 'lower minRuns, or raise window' },
  })

export const candidatesSchema = z
  .record(z.string(), candidate)
  .default({})
  .meta({ examples: [{ 'transfer-risk': { digest: `0x${'5e'.repeat(32)}`, shadow: 0.1 } }] })
  .describe(
    'New versions that are tried beside those at work, by the id of the model, in a process of their own. What speaks against one sets it aside until you decide: `iyi model promote`, `rollback`, `retry`.',
  )
