import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  commitSignedBytes,
  epochStartSignedBytes,
  inputsBytes,
  inputsHash,
  observationSignedBytes,
  parsePrefix,
  prepareSignedBytes,
  proposalSignedBytes,
  signatureListBytes,
} from '../../node/quorum/signed-bytes.ts'

const filled = (byte: number, length = 32) => new Uint8Array(length).fill(byte)
const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()
const at = { digest: filled(0xd1), epoch: 0x0102, seqNr: 0x0304n }
const query = Uint8Array.of(1, 2)
const observation = Uint8Array.of(3)

/** As the README has it, put together by hand: whoever checks evidence elsewhere does the same. */
const prefix = (kind: number, seqNr = '0000000000000304') =>
  Buffer.concat([
    Buffer.from('iyi-quorum'),
    Buffer.from([1, kind]),
    at.digest,
    Buffer.from('00000102', 'hex'),
    Buffer.from(seqNr, 'hex'),
  ])
const same = (actual: Uint8Array, ...expected: Uint8Array[]) =>
  expect(Buffer.from(actual).toString('hex')).toBe(Buffer.concat(expected).toString('hex'))

describe('what a consensus key signs', () => {
  it('begins with protocol, version, kind, configuration, epoch and sequence number', () => {
    expect(prefix(1)).toHaveLength(56)
    same(observationSignedBytes(at, query, observation), prefix(1), hashOf(query), hashOf(observation))
    same(prepareSignedBytes(at, filled(5), filled(6)), prefix(2), filled(5), filled(6))
    same(commitSignedBytes(at, filled(6)), prefix(3), filled(6))
    same(proposalSignedBytes(at, filled(5), filled(7)), prefix(6), filled(5), filled(7))
  })

  it('has the sequence number 0 at the start of an epoch, and the rank behind it', () => {
    const rank = { seqNr: 9n, committed: true, epoch: 3 }
    const bytes = epochStartSignedBytes(at.digest, at.epoch, rank)
    same(bytes, prefix(4, '0000000000000000'), Buffer.from('0000000000000009' + '01' + '00000003', 'hex'))
  })

  it('is read back from its prefix, and nothing else is', () => {
    const bytes = commitSignedBytes(at, filled(6))
    expect(parsePrefix(bytes)).toEqual({ kind: 'commit', ...at })
    expect(parsePrefix(bytes.subarray(0, 55))).toBeNull()
    for (const place of [0, 10, 11]) {
      const other = bytes.slice()
      other[place] = 99
      expect(parsePrefix(other)).toBeNull()
    }
  })
})

describe('the inputs of an outcome', () => {
  const observations = [
    { oracle: 0, observation, signature: filled(1, 64) },
    { oracle: 3, observation: query, signature: filled(2, 64) },
  ]
  const each = [Uint8Array.of(2, 0), hashOf(observation), Uint8Array.of(3), hashOf(query)]

  it('name the query, the outcome before, and who observed what', () => {
    const previous = Uint8Array.of(8)
    const first = inputsBytes(at, query, null, observations)
    same(first, prefix(5), hashOf(query), Uint8Array.of(0), filled(0), ...each)
    const next = inputsBytes(at, query, previous, observations)
    same(next, prefix(5), hashOf(query), Uint8Array.of(1), hashOf(previous), ...each)
    same(inputsHash(at, query, previous, observations), hashOf(next))
    // Nothing before, and nothing in what came before, are not the same.
    expect(inputsBytes(at, query, new Uint8Array(), observations)).not.toEqual(first)
  })

  it('are shown under signatures that are listed by observer', () => {
    const list = signatureListBytes(observations)
    same(list, Uint8Array.of(2, 0), filled(1, 64), Uint8Array.of(3), filled(2, 64))
  })
})
