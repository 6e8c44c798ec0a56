import { bytesToHex, concat, decodeFunctionData, hexToBytes, keccak256, recoverAddress } from 'viem'
import type { z } from 'zod'
import { oracleFeedAbi } from '../../contracts/abi/OracleFeed.ts'
import type { ChainReader } from '../../node/ports/chain.ts'
import type { OracleIdentity } from '../../node/ports/quorum.ts'
import { outcomeCodec } from './codecs.ts'
import type { FeedRound } from './rounds.ts'
import { type evidenceSchema, roundView } from './routes/schemas.ts'
import type { ServedFeed } from './served-feed.ts'

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
    chain.transaction(round.chainId, round.transactionHash),
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
    report: transaction === null ? null : await reportOf(transaction.input, oracles),
    evidence: record === null ? null : evidenceOf(record, oracles),
  }
}

/** Reads the report and its signers out of the calldata of `transmit`: what the contract itself has seen. */
async function reportOf(
  input: `0x${string}`,
  oracles: readonly OracleIdentity[],
): Promise<EvidenceView['report']> {
  let call: ReturnType<typeof decodeFunctionData<typeof oracleFeedAbi>>
  try {
    call = decodeFunctionData({ abi: oracleFeedAbi, data: input })
  } catch {
    return null // Transmitted through another contract: the calldata is not ours to read.
  }
  if (call.functionName !== 'transmit') return null
  const [context, payload, rs, ss, rawVs] = call.args
  const digest = keccak256(concat([keccak256(payload), ...context]))
  const vs = hexToBytes(rawVs)
  const signatures = await Promise.all(
    rs.map(async (r, at) => {
      const [s = '0x', v = 0] = [ss[at], vs[at]]
      const signer = await recoverAddress({ hash: digest, signature: { r, s, yParity: v } })
      return { signer, oracle: oracles.find((oracle) => oracle.signer === signer)?.index ?? null, r, s, v }
    }),
  )
  return { payload, context: [...context], digest, signatures }
}

function evidenceOf(
  record: NonNullable<Awaited<ReturnType<ServedFeed['duty']['evidence']>>>,
  oracles: readonly OracleIdentity[],
): EvidenceView['evidence'] {
  const outcome = outcomeCodec.decode(record.outcome)
  return {
    encoded: bytesToHex(record.outcome),
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
          signer: identity?.signer ?? null,
          value: value.toString(),
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
