import { encodeAbiParameters, hexToBytes, parseAbiParameters } from 'viem'
import { describe, expect, test } from 'vitest'
import {
  decodeOnchainConfig,
  decodeRules,
  encodeOnchainConfig,
  encodeRules,
} from '../../../plugins/oracle/contract-config.ts'
import { onchain, rules } from './kit.ts'

const badBytes = expect.objectContaining({ code: 'ORACLE_BAD_BYTES' })
const bytes = (value: `0x${string}`) => hexToBytes(value)

describe('onchainConfig', () => {
  test('is what OracleFeed.sol documents', () => {
    const types = parseAbiParameters('uint8, int192, int192, uint32, bytes32')
    const expected = encodeAbiParameters(types, [
      1,
      onchain.minAnswer,
      onchain.maxAnswer,
      3_600,
      onchain.modelDigest,
    ])
    expect(encodeOnchainConfig(onchain)).toBe(expected)
    expect(decodeOnchainConfig(bytes(expected))).toEqual(onchain)
  })

  test('what the contract would refuse is not written', () => {
    for (const change of [
      { minAnswer: 5n, maxAnswer: 5n },
      { maxAnswer: 2n ** 191n },
      { heartbeatSeconds: 0 },
      { heartbeatSeconds: 2 ** 32 },
      { modelDigest: '0x12' as const },
    ])
      expect(() => encodeOnchainConfig({ ...onchain, ...change })).toThrow(badBytes)
  })

  test('foreign bytes are refused', () => {
    const good = encodeOnchainConfig(onchain)
    const version2 = `0x${'2'.padStart(64, '0')}${good.slice(66)}` as const
    for (const value of ['0x', '0x01', `${good}00`, version2, `0x${'ff'.repeat(160)}`] as const)
      expect(() => decodeOnchainConfig(bytes(value))).toThrow(badBytes)
  })
})

describe('rules', () => {
  test('come back', () => {
    expect(decodeRules(bytes(encodeRules(rules)))).toEqual(rules)
    const medoid = { ...rules, agreement: 'medoid' } as const
    expect(decodeRules(bytes(encodeRules(medoid)))).toEqual(medoid)
  })

  test('with a median they are the seven words of version 1, with another rule one more', () => {
    const words = encodeRules(rules).slice(2).match(/.{64}/g) ?? []
    const more =
      encodeRules({ ...rules, agreement: 'medoid' })
        .slice(2)
        .match(/.{64}/g) ?? []
    expect([words.length, BigInt(`0x${words[0]}`)]).toEqual([7, 1n])
    expect([more.length, BigInt(`0x${more[0]}`), BigInt(`0x${more[7]}`)]).toEqual([8, 2n, 2n])
    expect(more.slice(1, 7)).toEqual(words.slice(1))
  })

  test.each([
    { reportIntervalSeconds: 0 },
    { maxPinAgeSeconds: 0 },
    { toleranceAbsolute: -1n },
    { toleranceAbsolute: 2n ** 191n },
    { deviationPpm: -1 },
    { deviationPpm: 2 ** 32 },
    { inFlightSeconds: 1.5 },
  ])('%o is not written', (change) => {
    expect(() => encodeRules({ ...rules, ...change })).toThrow(badBytes)
  })

  test('foreign bytes and contradicting rules are refused', () => {
    const types = parseAbiParameters('uint8, uint32, uint32, int192, uint32, uint32, uint32')
    const good = encodeRules(rules)
    for (const value of [
      '0x',
      `${good}00`,
      encodeAbiParameters(types, [2, 1, 1, 1n, 1, 1, 1]),
      encodeAbiParameters(types, [0, 1, 1, 1n, 1, 1, 1]),
      encodeAbiParameters([...types, { type: 'uint8' }], [2, 1, 1, 1n, 1, 1, 1, 1]),
      encodeAbiParameters([...types, { type: 'uint8' }], [3, 1, 1, 1n, 1, 1, 1, 2]),
      encodeAbiParameters(types, [1, 1, 0, 1n, 1, 1, 1]),
      encodeAbiParameters(types, [1, 1, 1, -1n, 1, 1, 1]),
    ] as const)
      expect(() => decodeRules(bytes(value))).toThrow(badBytes)
  })
})
