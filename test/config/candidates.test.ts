import { describe, expect, it } from 'vitest'
import { candidatesSchema } from '../../node/config/candidates-schema.ts'
import { faultsOf, minimal } from './config-cases.ts'

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

  it('of a file say which key was meant, and what one is for', () => {
    const inference = { candidates: { net: { digest, shdow: 0.2, canary: 2 } } }
    const told = faultsOf({ ...minimal, inference })
    const at = (key: string) => told.find(({ path }) => path === `inference.candidates.net.${key}`)
    expect(at('shdow')).toMatchObject({ remedy: 'did you mean "shadow"?' })
    expect(at('canary')).toMatchObject({ remedy: expect.stringContaining("Share of the API's runs") })
  })
})
