import { bytesToHex, getAddress } from 'viem'
import type { z } from 'zod'
import type { ChainReader } from '../../node/ports/chain.ts'
import type { EvidenceRecord, OracleIdentity } from '../../node/ports/quorum.ts'
import { distance } from './agreement/vectors.ts'
import type { FeedOutcome, FeedRound, FeedValue } from './feed-types.ts'
import { kindOf } from './kinds/kind-of.ts'
import { type evidenceSchema, roundView } from './routes/schemas.ts'
import type { ServedFeed } from './served-feed.ts'
import { nullIfPassing, reportOf } from './transmission.ts'

type EvidenceView = z.infer<typeof evidenceSchema>

/** Puts together what is known of a round: from the index, from the transaction itself, and from this node's records. */
export async function roundEvidence(
  { config, duty }: ServedFeed,
  round: FeedRound,
  chain: ChainReader,
): Promise<EvidenceView> {
  const seqNr = round.epochAndRound >> 8n
  const status = duty.status()
  // Identities are known for the configuration in force; a round of an earlier one shows addresses only.
  const oracles = status.configDigest === round.configDigest ? status.oracles : []
  const [transaction, record] = await Promise.all([
    // What this node holds itself is worth showing while the chain does not answer.
    chain.transaction(round.chainId, round.transactionHash).catch(nullIfPassing),
    duty.evidence(round.configDigest, seqNr),
  ])
  const view = roundView(round, config.decimals)
  return {
    ...view,
    configDigest: round.configDigest,
    seqNr: seqNr.toString(),
    transaction: {
      hash: round.transactionHash,
      blockNumber: round.blockNumber.toString(),
      from: transaction?.from ?? null,
    },
    report: transaction === null ? null : await reportOf(transaction, round.feed, oracles),
    evidence:
      record === null
        ? null
        : evidenceOf(record, kindOf(config).values.outcome.decode(record.outcome), oracles),
  }
}

function evidenceOf(
  record: EvidenceRecord,
  outcome: FeedOutcome<FeedValue>,
  oracles: readonly OracleIdentity[],
): EvidenceView['evidence'] {
  const answer = elementsOf(outcome.answer)
  return {
    encoded: bytesToHex(record.outcome),
    query: bytesToHex(record.query),
    epoch: record.epoch,
    leader: record.leader,
    pins: outcome.pins.map((pin) => ({ ...pin, number: pin.number.toString() })),
    observations: outcome.observations.flatMap(({ oracle, value, accepted }) => {
      const signed = record.observations.find((candidate) => candidate.oracle === oracle)
      if (signed === undefined) return []
      const identity = oracles.find((candidate) => candidate.index === oracle)
      return [
        {
          oracle,
          signer: identity === undefined ? null : getAddress(identity.signer),
          value: typeof value === 'bigint' ? value.toString() : null,
          values: typeof value === 'bigint' ? null : value.map(String),
          distance: distance(elementsOf(value), answer).toString(),
          accepted,
          encoded: bytesToHex(signed.observation),
          signature: bytesToHex(signed.signature),
          consensusKey: identity?.consensusKey ?? null,
        },
      ]
    }),
    spread: outcome.spread.toString(),
  }
}

const elementsOf = (value: FeedValue): readonly bigint[] => (typeof value === 'bigint' ? [value] : value)
