import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Certificate, decodeCertificate, encodeCertificate } from '../../node/quorum/certificate.ts'
import { QuorumCodecError } from '../../node/quorum/errors.ts'
import { QUORUM_LIMITS } from '../../node/quorum/limits.ts'
import { decodeMessage, encodeMessage, MESSAGE_KIND, type Message } from '../../node/quorum/messages.ts'

const fixed = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const epoch = fc.integer({ min: 1, max: 0xffff_ffff })
const seqNr = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n })
const bytes = fc.uint8Array({ maxLength: 300 })
const rank = fc.record({ seqNr, committed: fc.boolean(), epoch })
/** Items with ascending, distinct oracles. */
const byOracle = <T extends object>(item: fc.Arbitrary<T>) =>
  fc
    .uniqueArray(fc.tuple(fc.nat(30), item), { selector: ([oracle]) => oracle, maxLength: 31 })
    .map((items) => items.sort(([a], [b]) => a - b).map(([oracle, rest]) => ({ oracle, ...rest })))
const signatures = byOracle(fc.record({ signature: fixed(64) }))
const certificate: fc.Arbitrary<Certificate> = fc.oneof(
  fc.record({
    kind: fc.constant('prepare' as const),
    epoch,
    seqNr,
    inputsHash: fixed(32),
    outcome: bytes,
    signatures,
  }),
  fc.record({
    kind: fc.constant('commit' as const),
    epoch,
    seqNr,
    inputsHash: fc.constant(new Uint8Array(32)),
    outcome: bytes,
    signatures,
  }),
)
const optional = fc.option(certificate, { nil: null })
const kind = <K extends Message['kind']>(value: K) => fc.constant(value)
const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ kind: kind('wish'), epoch }),
  fc.record({ kind: kind('epoch-start-request'), epoch, rank, signature: fixed(64), certificate: optional }),
  fc.record({
    kind: kind('epoch-start'),
    epoch,
    certificate: optional,
    proofs: byOracle(fc.record({ rank, signature: fixed(64) })),
  }),
  fc.record({ kind: kind('round-start'), epoch, seqNr, query: bytes, seal: fc.option(fixed(32)) }),
  fc.record({ kind: kind('idle'), epoch, seqNr }),
  fc.record({ kind: kind('observation'), epoch, seqNr, observation: bytes, signature: fixed(64) }),
  fc.record({
    kind: kind('proposal'),
    epoch,
    seqNr,
    query: bytes,
    observations: byOracle(fc.record({ observation: bytes, signature: fixed(64) })),
    signature: fixed(64),
  }),
  fc.record({
    kind: kind('prepare'),
    epoch,
    seqNr,
    inputsHash: fixed(32),
    outcomeHash: fixed(32),
    signature: fixed(64),
    proposal: fc.option(fc.record({ signaturesHash: fixed(32), signature: fixed(64) }), { nil: null }),
  }),
  fc.record({ kind: kind('commit'), epoch, seqNr, outcomeHash: fixed(32), signature: fixed(64) }),
  fc.record({
    kind: kind('report-signatures'),
    seqNr,
    reports: fc
      .uniqueArray(
        fc.record({
          index: fc.nat(15),
          configDigest: fixed(32),
          reportHash: fixed(32),
          extraHash: fixed(32),
          signature: fixed(65),
        }),
        { selector: ({ index }) => index, maxLength: 16 },
      )
      .map((reports) => reports.sort((a, b) => a.index - b.index)),
  }),
  fc.record({ kind: kind('outcome-request'), epoch, started: fc.boolean(), seqNr }),
  fc.record({ kind: kind('outcome-response'), certificate }),
)

const codeOf = (act: () => unknown): string | null => {
  try {
    act()
    return null
  } catch (error) {
    expect(error).toBeInstanceOf(QuorumCodecError)
    return (error as QuorumCodecError).code
  }
}
const decode = (input: Uint8Array) => decodeMessage(input, QUORUM_LIMITS)

describe('messages', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(message, (value) => {
        expect(decode(encodeMessage(value, QUORUM_LIMITS))).toEqual(value)
      }),
    )
  })

  it('have one encoding: whatever decodes encodes to the same bytes', () => {
    const mutated = fc.tuple(message, fc.nat(), fc.nat(255), fc.constantFrom('set', 'cut', 'add'))
    fc.assert(
      fc.property(mutated, ([value, at, byte, how]) => {
        let input = encodeMessage(value, QUORUM_LIMITS)
        if (how === 'set') input[at % input.length] = byte
        if (how === 'cut') input = input.slice(0, at % input.length)
        if (how === 'add') input = Uint8Array.of(...input, byte)
        let decoded: Message
        try {
          decoded = decode(input)
        } catch (error) {
          expect(error).toBeInstanceOf(QuorumCodecError)
          return
        }
        expect(encodeMessage(decoded, QUORUM_LIMITS)).toEqual(input)
      }),
      { numRuns: 1000 },
    )
  })

  it('garbage throws the codec error and nothing else', () => {
    const headed = fc.tuple(fc.nat(14), fc.uint8Array({ maxLength: 400 }))
    fc.assert(
      fc.property(headed, ([first, rest]) => {
        codeOf(() => decode(rest))
        codeOf(() => decode(Uint8Array.of(1, first, ...rest)))
      }),
      { numRuns: 2000 },
    )
  })

  it.each([
    ['nothing', [], 'QUORUM_CODEC_TRUNCATED'],
    ['another version', [2, 1, 0, 0, 0, 1], 'QUORUM_CODEC_VERSION'],
    ['an unknown kind', [1, 99], 'QUORUM_CODEC_KIND'],
    ['a byte too many', [1, 1, 0, 0, 0, 1, 0], 'QUORUM_CODEC_TRAILING'],
    ['a byte too few', [1, 1, 0, 0, 0], 'QUORUM_CODEC_TRUNCATED'],
    ['a flag of 2', [1, 11, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0], 'QUORUM_CODEC_NOT_CANONICAL'],
    ['too many signatures', [1, 10, 0, 0, 0, 0, 0, 0, 0, 1, 17], 'QUORUM_CODEC_LIMIT'],
    [
      'a length that lies',
      [1, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 255, 255, 255, 255],
      'QUORUM_CODEC_LIMIT',
    ],
  ])('refuses %s', (_name, input, code) => {
    expect(codeOf(() => decode(Uint8Array.from(input)))).toBe(code)
  })

  it('does not encode what a peer would refuse', () => {
    const query = new Uint8Array(QUORUM_LIMITS.query + 1)
    const tooLong: Message = { kind: 'round-start', epoch: 1, seqNr: 1n, query, seal: null }
    expect(codeOf(() => encodeMessage(tooLong, QUORUM_LIMITS))).toBe('QUORUM_CODEC_LIMIT')
  })

  it('have distinct kinds', () => {
    const kinds = Object.values(MESSAGE_KIND)
    expect(new Set(kinds).size).toBe(kinds.length)
  })
})

describe('certificates', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(certificate, (value) => {
        expect(decodeCertificate(encodeCertificate(value, QUORUM_LIMITS), QUORUM_LIMITS)).toEqual(value)
      }),
    )
  })

  it('hold each oracle once, ascending', () => {
    const signature = new Uint8Array(64)
    const twice: Certificate = {
      kind: 'prepare',
      epoch: 1,
      seqNr: 1n,
      inputsHash: new Uint8Array(32),
      outcome: new Uint8Array(),
      signatures: [
        { oracle: 1, signature },
        { oracle: 1, signature },
      ],
    }
    const encoded = encodeCertificate(twice, QUORUM_LIMITS)
    expect(codeOf(() => decodeCertificate(encoded, QUORUM_LIMITS))).toBe('QUORUM_CODEC_NOT_CANONICAL')
  })
})
