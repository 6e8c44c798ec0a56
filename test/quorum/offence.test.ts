import { bytesToHex, concatBytes, hexToBytes } from 'viem'
import { describe, expect, it } from 'vitest'
import type { Hex } from '../../node/ports/chain.ts'
import { offenceFromJson, offenceToJson } from '../../node/ports/offence-schema.ts'
import type { OffenceRecord, SignedStatement, StatementKind } from '../../node/ports/quorum.ts'
import { configDigest } from '../../node/quorum/digest.ts'
import { judgeOffence, offenceId } from '../../node/quorum/offence.ts'
import {
  epochStartSignedBytes,
  inputsBytes,
  observationSignedBytes,
  prepareSignedBytes,
  proposalSignedBytes,
  sha256,
  signatureListBytes,
} from '../../node/quorum/signed-bytes.ts'
import type { Identity } from './memory/ports.ts'
import {
  at,
  commits,
  configuration,
  digest,
  hash,
  identities,
  otherDigest,
  sampleOffence as record,
  signed,
  signedReport,
} from './sample-offence.ts'

const report = (byte: number, seqNr = 9n, to = digest, index = 0n): Uint8Array =>
  concatBytes([
    hash(byte),
    hexToBytes(to),
    hexToBytes(`0x${((seqNr << 8n) | index).toString(16).padStart(64, '0')}`),
    hash(0),
  ])
const pairs: Record<StatementKind, readonly [SignedStatement, SignedStatement]> = {
  observation: [
    signed(observationSignedBytes(at, hash(1), hash(2))),
    signed(observationSignedBytes(at, hash(1), hash(3))),
  ],
  proposal: [
    signed(proposalSignedBytes(at, hash(1), hash(2))),
    signed(proposalSignedBytes(at, hash(2), hash(2))),
  ],
  prepare: [
    signed(prepareSignedBytes(at, hash(1), hash(2))),
    signed(prepareSignedBytes(at, hash(1), hash(3))),
  ],
  commit: commits,
  'epoch-start': [
    signed(epochStartSignedBytes(at.digest, 3, { seqNr: 4n, committed: true, epoch: 2 })),
    signed(epochStartSignedBytes(at.digest, 3, { seqNr: 3n, committed: true, epoch: 2 })),
  ],
  report: [signedReport(report(1)), signedReport(report(2))],
}
const kinds = Object.keys(pairs) as StatementKind[]

describe('an equivocation', () => {
  it.each(kinds)('with two of one %s is proof by itself, also after a way through JSON', (statement) => {
    const made = record({ statement, statements: pairs[statement] })
    const read = offenceFromJson(JSON.parse(JSON.stringify(offenceToJson(made))))
    expect(read).toEqual(made)
    expect(judgeOffence(read)).toEqual({ valid: true, proof: 'self' })
  })

  it.each(kinds)('with the same %s twice is none', (statement) => {
    const [a] = pairs[statement]
    expect(judgeOffence(record({ statement, statements: [a, a] }))).toMatchObject({ valid: false })
  })

  it('holds in whatever case addresses are written', () => {
    const sample = record({ statement: 'commit', statements: commits })
    const upper = (address: Hex): Hex => `0x${address.slice(2).toUpperCase()}`
    const { configuration } = sample
    const contract = { ...configuration.contract, address: upper(configuration.contract.address) }
    const signers = configuration.signers.map(upper)
    expect(judgeOffence({ ...sample, configuration: { ...configuration, contract, signers } })).toEqual(
      judgeOffence(sample),
    )
    expect(judgeOffence(sample)).toMatchObject({ valid: true })
  })

  it('is none between slots, kinds, validators or configurations', () => {
    const later = { ...at, seqNr: 10n }
    const elsewhere = { ...at, digest: hexToBytes(otherDigest) }
    const [prepare] = pairs.prepare
    const none: OffenceRecord[] = [
      record({
        statement: 'prepare',
        statements: [prepare, signed(prepareSignedBytes(later, hash(1), hash(3)))],
      }),
      record({ statement: 'prepare', statements: [prepare, pairs.commit[0]] }),
      record({
        statement: 'prepare',
        statements: [prepare, signed(pairs.prepare[1].bytes, identities[1] as Identity)],
      }),
      record({ statement: 'prepare', oracle: 1, statements: pairs.prepare }),
      record({ statement: 'prepare', oracle: 9, statements: pairs.prepare }),
      record({ statement: 'prepare', epoch: 4, statements: pairs.prepare }),
      record({ statement: 'prepare', statements: [prepare] }),
      record({
        statement: 'prepare',
        statements: [1, 2].map((i) => signed(prepareSignedBytes(elsewhere, hash(i), hash(3)))),
      }),
      record({
        statement: 'report',
        statements: [pairs.report[0], signedReport(report(2, 9n, otherDigest))],
      }),
      record({ statement: 'report', statements: [pairs.report[0], signedReport(report(2, 10n))] }),
      // The second report of the same outcome.
      record({ statement: 'report', statements: [pairs.report[0], signedReport(report(2, 9n, digest, 1n))] }),
      { ...record({ statement: 'prepare', statements: pairs.prepare }), id: digest },
    ]
    for (const each of none) expect(judgeOffence(each)).toMatchObject({ valid: false })
  })

  it('is not made by showing the same inputs under other signatures', () => {
    const statements = [
      signed(proposalSignedBytes(at, hash(1), hash(2))),
      signed(proposalSignedBytes(at, hash(1), hash(3))),
    ]
    expect(judgeOffence(record({ statement: 'proposal', statements }))).toMatchObject({ valid: false })
  })

  it('is none when the configuration is not the one that was signed for', () => {
    const made = record({ statement: 'commit', statements: pairs.commit })
    const tampered = { ...made, configuration: { ...configuration, configCount: 7n } }
    expect(judgeOffence(tampered)).toMatchObject({ valid: false })
    const swapped = { ...made, configuration: { ...configuration, offchainConfig: '0x12' as const } }
    expect(judgeOffence(swapped)).toMatchObject({ valid: false })
  })

  it('has one id, whatever the order in which it was seen', () => {
    const [a, b] = pairs.commit
    const ids = [
      [a, b],
      [b, a],
    ].map((statements) => record({ statement: 'commit', statements }).id)
    expect(ids[0]).toBe(ids[1])
    expect(record({ statement: 'prepare', statements: pairs.prepare }).id).not.toBe(ids[0])
  })
})

describe('a forged proposal', () => {
  const query = hash(7)
  const observations = [0, 1, 2].map((oracle) => {
    const observation = Uint8Array.of(oracle)
    const payload = observationSignedBytes(at, query, observation)
    return { oracle, observation, signature: (identities[oracle] as Identity).unguarded.consensus(payload) }
  })
  const proposal = (shown: typeof observations, accused: number) => {
    const inputs = inputsBytes(at, query, null, shown)
    const signatures = signatureListBytes(shown)
    return record({
      offence: 'forged-proposal',
      statement: 'proposal',
      statements: [signed(proposalSignedBytes(at, sha256(inputs), sha256(signatures)))],
      forged: { inputs, signatures, oracle: accused },
    })
  }
  const forged = observations.map((each) =>
    each.oracle === 1 ? { ...each, observation: Uint8Array.of(99) } : each,
  )

  it('is proof by itself: the leader signed what the observer did not', () => {
    expect(judgeOffence(proposal(forged, 1))).toEqual({ valid: true, proof: 'self' })
  })

  it('is none when the signatures are the observers’ own, or the leader signed something else', () => {
    expect(judgeOffence(proposal(observations, 1))).toMatchObject({ valid: false })
    expect(judgeOffence(proposal(forged, 0))).toMatchObject({ valid: false })
    expect(judgeOffence(proposal(forged, 3))).toMatchObject({ valid: false })
    const made = proposal(forged, 1)
    const other = { inputs: inputsBytes(at, query, null, observations), signatures: hash(1), oracle: 1 }
    expect(judgeOffence({ ...made, forged: other })).toMatchObject({ valid: false })
    expect(judgeOffence({ ...made, forged: null })).toMatchObject({ valid: false })
  })
})

describe('what is none although it looks alike', () => {
  it('an honest prepare is no forged proposal, whatever its outcome spells', () => {
    const query = hash(7)
    const inputs = inputsBytes(at, query, null, [{ oracle: 1, observation: Uint8Array.of(1) }])
    // An outcome that reads as a list of one signature: `u8 count, u8 oracle, 64 bytes`.
    const outcome = Uint8Array.from([1, 1, ...new Uint8Array(64).fill(5)])
    const prepare = signed(prepareSignedBytes(at, sha256(inputs), sha256(outcome)))
    const made = record({
      offence: 'forged-proposal',
      statement: 'prepare',
      statements: [prepare],
      forged: { inputs, signatures: outcome, oracle: 1 },
    })
    expect(judgeOffence(made)).toMatchObject({ valid: false })
    expect(judgeOffence(record({ ...made, statement: 'proposal' }))).toMatchObject({ valid: false })
  })

  it('a byte between statement and signature makes no bad signature of a good one', () => {
    const [{ bytes, signature }] = pairs.commit
    const shifted = {
      bytes: bytes.slice(0, -1),
      signature: concatBytes([bytes.slice(-1), signature]),
    }
    const statements = [shifted]
    const made = record({ offence: 'bad-signature', statement: 'commit', statements })
    expect(judgeOffence(made)).toMatchObject({ valid: false })
  })

  it('fields that nothing binds are refused', () => {
    const commit = record({ statement: 'commit', statements: pairs.commit })
    const elsewhere = { ...commit, configDigest: otherDigest }
    expect(judgeOffence({ ...elsewhere, id: offenceId(otherDigest, commit) })).toMatchObject({ valid: false })
    const reports = record({ statement: 'report', statements: pairs.report })
    for (const change of [{ epoch: 77 }, { seqNr: 9n + 5n * 2n ** 32n }])
      expect(judgeOffence({ ...reports, ...change })).toMatchObject({ valid: false })
    const upper = `0x${reports.id.slice(2).toUpperCase()}` as const
    expect(judgeOffence({ ...reports, id: upper })).toMatchObject({ valid: true })
  })

  it('a report for a contract with another off-chain configuration can be judged', () => {
    const foreign = { ...configuration, offchainConfigVersion: 30n, offchainConfig: '0x1234' as const }
    const to = configDigest(foreign)
    const statements = [signedReport(report(1, 9n, to)), signedReport(report(2, 9n, to))]
    const made = { ...record({ statement: 'report', statements }), configuration: foreign }
    expect(judgeOffence(made)).toEqual({ valid: true, proof: 'self' })
  })
})

describe('a bad signature', () => {
  it.each(kinds)('of a %s rests on the word of who saw it', (statement) => {
    const [a, b] = pairs[statement]
    const made = record({
      offence: 'bad-signature',
      statement,
      statements: [{ bytes: a.bytes, signature: b.signature }],
    })
    expect(judgeOffence(made)).toEqual({ valid: true, proof: 'witness' })
    const own = record({ offence: 'bad-signature', statement, statements: [a] })
    expect(judgeOffence(own)).toMatchObject({ valid: false })
  })
})

describe('reading one', () => {
  it.each([
    null,
    [],
    {},
    { ...offenceToJson(record({ statement: 'commit', statements: pairs.commit })), extra: 1 },
    { ...offenceToJson(record({ statement: 'commit', statements: pairs.commit })), version: 2 },
    { ...offenceToJson(record({ statement: 'commit', statements: pairs.commit })), id: '0x12' },
  ])('refuses what is none: %#', (json) => {
    expect(() => offenceFromJson(json)).toThrow()
  })

  it('never throws while it judges', () => {
    const made = record({ statement: 'commit', statements: pairs.commit })
    const strange: OffenceRecord[] = [
      { ...made, statements: [{ bytes: new Uint8Array(), signature: new Uint8Array() }] },
      { ...made, configuration: { ...configuration, signers: [] } },
      { ...made, id: bytesToHex(hash(1)) },
    ]
    for (const each of strange) expect(judgeOffence(each)).toMatchObject({ valid: false })
  })
})
