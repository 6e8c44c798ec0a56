import { bytesToHex, getAddress } from 'viem'
import type { z } from 'zod'
import type { ChainReader } from '../../../node/ports/chain.ts'
import type { IndexReader } from '../../../node/ports/index-reader.ts'
import type { Row } from '../../../node/ports/index-tables.ts'
import type { EvidenceRecord, OracleIdentity } from '../../../node/ports/quorum.ts'
import { nullIfPassing, reportOf } from '../transmission.ts'
import { requestOutcomeCodec } from './request-codecs.ts'
import type { requestEvidenceSchema } from './request-views.ts'
import { answerView, disputeView, requestView } from './request-views.ts'
import type { ServedOracle } from './served-oracle.ts'

type View = z.infer<typeof requestEvidenceSchema>

/** Puts together what is known of a request: from the index, from the transaction itself, and from this node's records. */
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
  const base = {
    ...requestView(row, config.id),
    answer: answer === undefined ? null : answerView(answer),
    dispute: dispute === undefined ? null : disputeView(dispute),
  }
  if (answer === undefined) return { ...base, report: null, evidence: null }
  const [configuration] = await index.select({
    table: 'validatorConfig',
    where: [
      { column: 'chainId', op: '=', value: row.chainId },
      { column: 'contract', op: '=', value: row.oracle },
      { column: 'configCount', op: '=', value: BigInt(answer.configCount) },
    ],
    limit: 1,
  })
  const configDigest = configuration?.configDigest ?? null
  const status = duty.status()
  // Identities are known for the configuration in force; an answer of an earlier one shows addresses only.
  const oracles = configDigest !== null && status.configDigest === configDigest ? status.oracles : []
  const [transaction, record] = await Promise.all([
    chain.transaction(row.chainId, answer.transactionHash).catch(nullIfPassing),
    configDigest === null ? null : duty.evidence(configDigest, answer.epochAndRound >> 8n),
  ])
  return {
    ...base,
    report: transaction === null ? null : await reportOf(transaction, row.oracle, oracles),
    evidence: record === null ? null : evidenceOf(record, row.requestId, oracles),
  }
}

function evidenceOf(
  record: EvidenceRecord,
  requestId: bigint,
  oracles: readonly OracleIdentity[],
): View['evidence'] {
  const outcome = requestOutcomeCodec.decode(record.outcome)
  const judged = outcome.items.find(({ item }) => item.requestId === requestId)
  if (judged === undefined) return null
  const [pin] = outcome.pins
  return {
    encoded: bytesToHex(record.outcome),
    query: bytesToHex(record.query),
    seqNr: record.seqNr.toString(),
    epoch: record.epoch,
    leader: record.leader,
    pin: { ...pin, number: pin.number.toString() },
    rule: judged.item.rule,
    reason: judged.reason,
    results: judged.results.flatMap(({ oracle, result, agrees, distance }) => {
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
    }),
  }
}
