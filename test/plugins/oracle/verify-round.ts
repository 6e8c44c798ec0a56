import {
  concat,
  decodeAbiParameters,
  type Hex,
  isAddressEqual,
  keccak256,
  parseAbiParameters,
  recoverAddress,
} from 'viem'

/** What `GET /v1/feeds/{id}/rounds/{round}` answers as `data`, as far as it is needed here. */
export interface Round {
  answer: string
  evidenceDigest: Hex
  configDigest: Hex
  report: {
    payload: Hex
    context: [Hex, Hex, Hex]
    signatures: { r: Hex; s: Hex; v: number }[]
  }
  evidence: { encoded: Hex }
}

const reportTypes = parseAbiParameters('uint32 timestamp, int192 answer, bytes32 evidence, bytes32 model')
const evidenceTypes = parseAbiParameters([
  'string feedId, bytes32 model, Pin[] pins, Observation[] observations, int192 answer, uint256 spread, uint64 timestamp, bool agreed, bool due, bool hasReport, int192 reportAnswer, uint64 reportTimestamp',
  'struct Pin { uint64 chainId; uint64 number; bytes32 hash; uint64 timestamp; }',
  'struct Observation { uint8 oracle; int192 value; bool accepted; }',
])

/** Trusts only `signers` and `f`, which the contract itself tells: `getSigners()` and `faultTolerance()`. */
export async function verifyRound(round: Round, signers: readonly Hex[], f: number) {
  const { payload, context, signatures } = round.report
  const [timestamp, answer, evidenceDigest] = decodeAbiParameters(reportTypes, payload)
  if (context[0] !== round.configDigest || String(answer) !== round.answer) throw new Error('another report')

  // 1. More than f validators signed this report, so at least one honest one did.
  const hash = keccak256(concat([keccak256(payload), ...context]))
  const signed = new Set<number>()
  for (const { r, s, v } of signatures) {
    const signer = await recoverAddress({ hash, signature: { r, s, yParity: v } })
    signed.add(signers.findIndex((address) => isAddressEqual(address, signer)))
  }
  signed.delete(-1)
  if (signed.size <= f) throw new Error('too few signatures')

  // 2. The evidence is what they signed for.
  if (keccak256(round.evidence.encoded) !== evidenceDigest) throw new Error('other evidence')
  const [feedId, model, pins, observations, median, , at] = decodeAbiParameters(
    evidenceTypes,
    round.evidence.encoded,
  )

  // 3. The answer is the upper median of the accepted observations, at the time of a pinned block.
  const accepted = observations.filter((entry) => entry.accepted).map((entry) => entry.value)
  accepted.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  const middle = accepted[accepted.length >> 1]
  if (middle !== answer || median !== answer || at !== BigInt(timestamp)) throw new Error('another answer')
  if (!pins.some((pin) => pin.timestamp === at)) throw new Error('another time')
  return { feedId, model, answer, timestamp, pins, observations }
}
