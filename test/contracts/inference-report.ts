import { encodeAbiParameters, type Hex, parseAbiParameters } from 'viem'

/** What an answer of a report says. */
export const OUTCOME = { answered: 1, noAgreement: 2, badInput: 3 } as const

/** One answer of a report. */
export interface Answer {
  readonly requestId: bigint
  readonly inputHash: Hex
  readonly outcome: number
  readonly agreeing: number
  readonly observers: number
  readonly spread: bigint
  readonly values: readonly bigint[]
}

/** What a committee found about a disputed answer. */
export interface Verdict {
  readonly requestId: bigint
  readonly upheld: boolean
  readonly votes: number
  readonly committeeSize: number
  readonly distance: bigint
  readonly values: readonly bigint[]
}

/** What all entries of a report share. */
export interface ReportHead {
  readonly observationsTimestamp: number
  readonly evidenceDigest: Hex
}

const REPORT_FIELDS = parseAbiParameters([
  'uint32 observationsTimestamp, bytes32 evidenceDigest, Answer[] answers, Verdict[] verdicts, uint256[] due',
  'struct Answer { uint256 requestId; bytes32 inputHash; uint8 outcome; uint8 agreeing; uint8 observers; uint256 spread; int256[] values }',
  'struct Verdict { uint256 requestId; bool upheld; uint8 votes; uint8 committeeSize; uint256 distance; int256[] values }',
])

/** A report of answers. */
export function encodeAnswers(head: ReportHead, answers: readonly Answer[]): Hex {
  return encodeAbiParameters(REPORT_FIELDS, [
    head.observationsTimestamp,
    head.evidenceDigest,
    answers,
    [],
    [],
  ])
}

/** A report of verdicts. */
export function encodeVerdicts(head: ReportHead, verdicts: readonly Verdict[]): Hex {
  return encodeAbiParameters(REPORT_FIELDS, [
    head.observationsTimestamp,
    head.evidenceDigest,
    [],
    verdicts,
    [],
  ])
}
