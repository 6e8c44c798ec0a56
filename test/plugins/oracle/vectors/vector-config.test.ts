import { encodeAbiParameters, hexToBytes, keccak256, parseAbiParameters } from 'viem'
import { expect, test } from 'vitest'
import { vectorKind } from '../../../../plugins/oracle/kinds/vector.ts'
import {
  decodeVectorOnchainConfig,
  encodeVectorOnchainConfig,
} from '../../../../plugins/oracle/vector-config.ts'
import { labels, onchain } from '../kit.ts'

const config = { ...onchain, modelDigest: keccak256('0x07'), labels }
const badBytes = expect.objectContaining({ code: 'ORACLE_BAD_BYTES' })
const types = parseAbiParameters('uint8, int192, int192, uint32, bytes32, uint256[]')

test('is what OracleVectorFeed.sol documents', () => {
  const { minAnswer, maxAnswer, heartbeatSeconds, modelDigest } = config
  const expected = encodeAbiParameters(types, [
    1,
    minAnswer,
    maxAnswer,
    heartbeatSeconds,
    modelDigest,
    labels,
  ])
  expect(encodeVectorOnchainConfig(config)).toBe(expected)
  expect(decodeVectorOnchainConfig(hexToBytes(expected))).toEqual(config)
  expect(vectorKind.decodeOnchainConfig(hexToBytes(expected))).toEqual({ modelDigest, limits: null, labels })
})

test('what the contract would refuse is not written', () => {
  for (const change of [
    { labels: [] },
    { labels: Array<bigint>(33).fill(1n) },
    { labels: [-1n] },
    { minAnswer: 5n, maxAnswer: 5n },
    { heartbeatSeconds: 0 },
  ])
    expect(() => encodeVectorOnchainConfig({ ...config, ...change })).toThrow(badBytes)
})

test('foreign bytes are refused', () => {
  const good = encodeVectorOnchainConfig(config)
  const version2 = `0x${'2'.padStart(64, '0')}${good.slice(66)}` as const
  const scalar = encodeAbiParameters(types.slice(0, 5), [1, 1n, 2n, 3, config.modelDigest])
  for (const value of ['0x', `${good}00`, version2, scalar] as const)
    expect(() => decodeVectorOnchainConfig(hexToBytes(value))).toThrow(badBytes)
})
