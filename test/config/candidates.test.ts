import { describe, expect, it } from 'vitest'
import { candidatesSchema } from '../../node/config/candidates-schema.ts'

const digest = `0x${'ab'.repeat(32)}`
const faults = (candidate: Record<string, unknown>) =>
  candidatesSchema
    .safeParse({ net: { digest, ...candidate } })
    .error?.issues.map(({ path }) => path.slice(1).join('.'))

describe('candidates', () => {
  it('need a digest alone', () => {
    expect(candidatesSchema.parse({ net: { digest } })).toEqual({
      net: {
        ...{ digest, shadow: 0.1, canary: 0, window: 500, minRuns: 100 },
        ...{ maxDisagreement: 0.01, maxFailures: 0.01, maxSlowdown: 3, maxDrift: 0.25 },
      },
    })
    expect(candidatesSchema.parse(undefined)).toEqual({})
  })

  it.each([0, 1])('may answer a share of %d', (canary) => {
    expect(faults({ canary })).toBeUndefined()
  })

  it.each<[string, Record<string, unknown>]>([
    ['digest', { digest: digest.toUpperCase() }],
    ['digest', { digest: 'net-2' }],
    ['shadow', { shadow: 0, canary: 0.5 }],
    ['shadow', { shadow: 1.1 }],
    ['canary', { canary: -0.1 }],
    ['canary', { canary: 100 }],
    ['canary', { canary: 101 }],
    ['minRuns', { minRuns: 600 }],
    ['maxSlowdown', { maxSlowdown: 0.5 }],
    ['tolerance.absolute', { tolerance: { absolute: '-1', relativePpm: 0 } }],
  ])('say that %s is wrong in %j', (path, wrong) => {
    expect(faults(wrong)).toEqual([path])
  })
})
