import {
  bytesToHex,
  concat,
  decodeFunctionData,
  getAbiItem,
  getAddress,
  hexToBytes,
  isAddressEqual,
  keccak256,
  recoverAddress,
  toFunctionSelector,
} from 'viem'
import type { z } from 'zod'
import { oracleFeedAbi } from '../../contracts/abi/OracleFeed.ts'
import type { ChainReader, ChainTransaction } from '../../node/ports/chain.ts'
import type { EvidenceRecord, OracleIdentity } from '../../node/ports/quorum.ts'
import { outcomeCodec } from './codecs.ts'
import { isPassing } from './pin-state.ts'
import type { FeedRound } from './rounds.ts'
import { type evidenceSchema, roundView } from './routes/schemas.ts'
import type { ServedFeed } from './served-feed.ts'

type EvidenceView = z.infer<typeof evidenceSchema>

/** OCR2's, and so the same for contracts of every kind. */
const TRANSMIT = toFunctionSelector(getAbiItem({ abi: oracleFeedAbi, name: 'transmit' }))

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
    report: transaction === null ? null : await reportOf(transaction, round, oracles),
    evidence: record === null ? null : evidenceOf(record, oracles),
  }
}

/** Reads the report and its signers out of the calldata of `transmit`: what the contract itself has seen. */
async function reportOf(
  { to, input }: ChainTransaction,
  round: FeedRound,
  oracles: readonly OracleIdentity[],
): Promise<EvidenceView['report']> {
  // Sent through another contract, or another function of a foreign one: its calldata is not ours to read.
  if (to === null || !isAddressEqual(to, round.feed) || !input.startsWith(TRANSMIT)) return null
  const { functionName, args } = decodeFunctionData({ abi: oracleFeedAbi, data: input })
  if (functionName !== 'transmit') return null
  const [context, payload, rs, ss, rawVs] = args
  const digest = keccak256(concat([keccak256(payload), ...context]))
  const vs = hexToBytes(rawVs)
  const signatures = await Promise.all(
    rs.map(async (r, at) => {
      const [s = '0x', v = 0] = [ss[at], vs[at]]
      const signer = await recoverAddress({ hash: digest, signature: { r, s, yParity: v } })
      const identity = oracles.find((oracle) => isAddressEqual(oracle.signer, signer))
      return { signer, oracle: identity?.index ?? null, r, s, v }
    }),
  )
  return { payload, context: [...context], digest, signatures }
}

function nullIfPassing(error: unknown): null {
  if (isPassing(error)) return null
  throw error
}

function evidenceOf(record: EvidenceRecord, oracles: readonly OracleIdentity[]): EvidenceView['evidence'] {
  const outcome = outcomeCodec.decode(record.outcome)
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
