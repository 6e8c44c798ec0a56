import { describe, expect, test } from 'vitest'
import { driftRules, seriesRules } from '../../node/config/alerts-schema.ts'
import { faultsOf, minimal, parse, paths } from './config-cases.ts'

const rule = { name: 'move', measure: 'return', window: '5m', above: 0.1 }
const rulesOf = (...alerts: object[]) => parse({ ...minimal, alerts }).config.alerts
const faults = (...alerts: object[]) => paths(faultsOf({ ...minimal, alerts }))

describe('rules', () => {
  test('say what the watch does', () => {
    expect(
      seriesRules(
        rulesOf(
          rule,
          {
            ...rule,
            name: 'low',
            above: undefined,
            below: -1,
            for: '2m',
            severity: 'critical',
            series: 'pool-1-*',
          },
          { ...rule, name: 'odd', above: undefined, unlike: { sigmas: 6, of: 48 } },
          { name: 'drift', drift: '*', above: 0.25 },
        ),
      ),
    ).toEqual([
      {
        ...{ name: 'move', series: '*', measure: 'return', severity: 'warning', forSeconds: 0 },
        ...{ windowSeconds: 300, condition: { kind: 'above', limit: 0.1 } },
      },
      {
        ...{ name: 'low', series: 'pool-1-*', measure: 'return', severity: 'critical', forSeconds: 120 },
        ...{ windowSeconds: 300, condition: { kind: 'below', limit: -1 } },
      },
      {
        ...{ name: 'odd', series: '*', measure: 'return', severity: 'warning', forSeconds: 0 },
        ...{ windowSeconds: 300, condition: { kind: 'unlike', sigmas: 6, of: 48 } },
      },
    ])
  })

  test('on the drift of models say what its watch does', () => {
    const drift = { name: 'drift', drift: 'transfer-*', above: 0.25, for: '1h', severity: 'critical' }
    expect(driftRules(rulesOf(rule, drift))).toEqual([
      { name: 'drift', model: 'transfer-*', limit: 0.25, forSeconds: 3_600, severity: 'critical' },
    ])
    // They need no series.
    expect(paths(faultsOf({ ...minimal, series: { enabled: false }, alerts: [rule] }))).toEqual(['alerts'])
    expect(parse({ ...minimal, series: { enabled: false }, alerts: [drift] }).config.alerts).toHaveLength(1)
  })

  test.each([
    ['a drift below', { name: 'd', drift: '*', below: 0.1 }, 'alerts.0.drift'],
    ['a drift without a limit', { name: 'd', drift: '*' }, 'alerts.0'],
    ['a drift with a series', { name: 'd', drift: '*', above: 0.1, series: '*' }, 'alerts.0.drift'],
    ['a drift with a measure', { name: 'd', drift: '*', above: 0.1, measure: 'price' }, 'alerts.0.drift'],
    ['a drift with a window', { name: 'd', drift: '*', above: 0.1, window: '5m' }, 'alerts.0.drift'],
    ['a series without a window', { name: 'd', measure: 'price', above: 0.1 }, 'alerts.0'],
    ['neither series nor drift', { name: 'd', above: 0.1 }, 'alerts.0'],
    ['no condition', { ...rule, above: undefined }, 'alerts.0'],
    ['two conditions', { ...rule, below: 0 }, 'alerts.0'],
    [
      'a window of no candle beside unlike',
      { ...rule, above: undefined, window: '7m', unlike: { sigmas: 3, of: 8 } },
      'alerts.0.window',
    ],
    [
      'a deviation beside unlike',
      { ...rule, above: undefined, measure: 'deviation', unlike: { sigmas: 3, of: 8 } },
      'alerts.0.measure',
    ],
    ['no time', { ...rule, window: '5 minutes' }, 'alerts.0.window'],
    ['a window too long', { ...rule, window: '8d' }, 'alerts.0.window'],
    ['no such measure', { ...rule, measure: 'prise' }, 'alerts.0.measure'],
    ['an unknown key', { ...rule, abov: 1 }, 'alerts.0.abov'],
  ])('refuse %s', (_, wrong, path) => {
    expect(faults(wrong)).toEqual([path])
  })

  test('need series', () => {
    const faultsWith = (series: object) => paths(faultsOf({ ...minimal, series, alerts: [rule] }))
    expect(faultsWith({ enabled: false })).toEqual(['alerts'])
    expect(faultsWith({})).toEqual([])
  })

  test('have names of their own', () => {
    expect(faults(rule, rule)).toEqual(['alerts'])
  })
})
