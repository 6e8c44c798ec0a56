import { bytesToHex, getAddress, zeroHash } from 'viem'
import type { z } from 'zod'
import type { ChainReader, Hex } from '../../../node/ports/chain.ts'
import type { IndexReader } from '../../../node/ports/index-reader.ts'
import type { Row } from '../../../node/ports/index-tables.ts'
import type { EvidenceRecord, OracleIdentity } from '../../../node/ports/quorum.ts'
import type { Pin } from '../feed-types.ts'
import { nullIfPassing, reportOf } from '../transmission.ts'
import { requestOutcomeCodec } from './request-codecs.ts'
import type { JudgedResult } from './request-types.ts'
import type { requestEvidenceSchema } from './request-views.ts'
import { answerView, disputeView, requestView } from './request-views.ts'
import type { ServedOracle } from './served-oracle.ts'

type View = z.infer<typeof requestEvidenceSchema>
type Dispute = NonNullable<View['dispute']>
type Verdict = NonNullable<Dispute['verdict']>

/** Puts together what is known of a request: from the index, from the transactions themselves, and from this node's records. */
export async function requestEvidence(
  { config, duty }: ServedOracle,
  row: Row<'inferenceRequest'>,
  { index, chain }: { index: IndexReader; chain: ChainReader },
): Promise<View> {
  const where = [{ column: 'id', op: '=', value: row.id }] as const
  const [[answer], [dispute]] = await Promise.all([
    index.select({ table: 'inferenceAnswer', where, limit: 1 }),
    index.select({ table: 'inferenceDispute', where, limit: 1 }),
  ])
  const request = requestView(row, config.id)
  if (answer === undefined) return { ...request, answer: null, dispute: null, report: null, evidence: null }
  const [given, verdict] = await Promise.all([
    roundOf(answer.transactionHash, row, { duty, chain }),
    dispute === undefined || dispute.verdictTransaction === zeroHash
      ? null
      : roundOf(dispute.verdictTransaction, row, { duty, chain }),
  ])
  return {
    ...request,
    answer: answerView(answer),
    dispute: dispute === undefined ? null : { ...disputeView(dispute), verdict: verdictOf(verdict, row) },
    report: given.report,
    evidence: given.record === null ? null : answerEvidence(given.record, row.requestId, given.oracles),
  }
}

interface Round {
  readonly report: View['report']
  readonly record: EvidenceRecord | null
  readonly oracles: readonly OracleIdentity[]
}

/** What a transaction reported, and what this node knows of the round it came from. */
async function roundOf(
  hash: Hex,
  { chainId, oracle }: Row<'inferenceRequest'>,
  { duty, chain }: { duty: ServedOracle['duty']; chain: ChainReader },
): Promise<Round> {
  const transaction = await chain.transaction(chainId, hash).catch(nullIfPassing)
  const { oracles, configDigest } = duty.status()
  const report = transaction === null ? null : await reportOf(transaction, oracle, oracles)
  const [digest, epochAndRound] = report?.context ?? []
  if (digest === undefined || epochAndRound === undefined) return { report, record: null, oracles: [] }
  const record = await duty.evidence(digest, BigInt(epochAndRound) >> 8n)
  // Identities are known for the configuration in force; a round of an earlier one shows addresses only.
  return { report, record, oracles: digest === configDigest ? oracles : [] }
}

function answerEvidence(
  record: EvidenceRecord,
  requestId: bigint,
  oracles: readonly OracleIdentity[],
): View['evidence'] {
  const outcome = requestOutcomeCodec.decode(record.outcome)
  const judged = outcome.items.find(({ item }) => item.requestId === requestId)
  if (judged === undefined) return null
  const { item, reason, results } = judged
  return {
    ...whereAndWhen(record, outcome.pins[0], item.rule, reason),
    results: told(record, results, oracles),
  }
}

function verdictOf(round: Round | null, { requestId }: Row<'inferenceRequest'>): Verdict | null {
  if (round === null) return null
  const { report, record, oracles } = round
  const outcome = record === null ? null : requestOutcomeCodec.decode(record.outcome)
  const judged = outcome?.disputes.find(({ dispute }) => dispute.requestId === requestId)
  if (record === null || outcome === null || judged === undefined) return { report, evidence: null }
  const { dispute, reason, results } = judged
  return {
    report,
    evidence: {
      ...whereAndWhen(record, outcome.pins[0], dispute.rule, reason),
      committee: [...dispute.committee],
      results: told(record, results, oracles),
    },
  }
}

function whereAndWhen(record: EvidenceRecord, pin: Pin, rule: string, reason: string | null) {
  return {
    encoded: bytesToHex(record.outcome),
    query: bytesToHex(record.query),
    seqNr: record.seqNr.toString(),
    epoch: record.epoch,
    leader: record.leader,
    pin: { ...pin, number: pin.number.toString() },
    rule,
    reason,
  }
}

/** Each validator's result with the signature under it. */
function told(
  record: EvidenceRecord,
  results: readonly JudgedResult[],
  oracles: readonly OracleIdentity[],
): NonNullable<View['evidence']>['results'] {
  return results.flatMap(({ oracle, result, agrees, distance }) => {
    const signed = record.observations.find((candidate) => candidate.oracle === oracle)
    if (signed === undefined) return []
    const identity = oracles.find((candidate) => candidate.index === oracle)
    return [
      {
        oracle,
        signer: identity === undefined ? null : getAddress(identity.signer),
        values: result.kind === 'values' ? result.values.map(String) : null,
        provider: result.kind === 'values' ? result.provider : null,
        reason: result.kind === 'abstained' ? result.reason : null,
        agrees,
        distance: distance === null ? null : distance.toString(),
        encoded: bytesToHex(signed.observation),
        signature: bytesToHex(signed.signature),
        consensusKey: identity?.consensusKey ?? null,
      },
    ]
  })
}
