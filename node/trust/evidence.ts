import { keccak256, stringToHex } from 'viem'
import type { ChainLog } from '../ports/chain.ts'
import type { ChainEvidence, EvidenceKind } from '../ports/chain-evidence.ts'
import type { WitnessedReceipt } from '../ports/witness.ts'
import type { Difference } from './compare-index.ts'
import type { Claim, Investigation } from './investigate.ts'
import { logsDigest } from './statement.ts'

const MOST_LOGS = 50
const MOST_DIFFERENCES = 50
/** Receipts of a block that is fuller than this are left out; every provider has them. */
const MOST_RECEIPT_BYTES = 512 * 1024

/** The record of a contradiction. The same contradiction has the same id, so that it is kept once. */
export function evidenceOf(
  options: {
    readonly chainId: number
    readonly kind: EvidenceKind
    readonly block: ChainEvidence['block']
    readonly claims: readonly Claim[]
    readonly proof?: Pick<Investigation, 'header' | 'receipts'>
    readonly differences?: readonly Difference[]
  },
  recordedAt: number,
): ChainEvidence {
  const { chainId, kind, block, proof } = options
  // In the order of the configuration, not of the answers.
  const claims = options.claims.toSorted((a, b) => a.witness.provider - b.witness.provider)
  const wrong = claims.filter(({ verdict }) => verdict === 'wrong').map(({ witness }) => witness.provider)
  const told = {
    chainId,
    kind,
    block,
    verdict: wrong.length > 0 ? ('proven' as const) : ('unproven' as const),
    wrong,
    statements: claims.map(statementOf),
    differences: (options.differences ?? []).slice(0, MOST_DIFFERENCES),
  }
  return {
    id: keccak256(stringToHex(JSON.stringify(told))),
    ...told,
    recordedAt,
    header: proof?.header == null ? null : { ...proof.header.fields },
    receipts: proof?.receipts == null ? null : receiptsOf(proof.receipts),
  }
}

function statementOf({ witness, header, logs, answer, verdict }: Claim): ChainEvidence['statements'][number] {
  return {
    provider: witness.provider,
    host: witness.host,
    blockHash: header.hash,
    parentHash: header.parentHash,
    logCount: logs.length,
    logsDigest: logsDigest(logs),
    logs: logs.slice(0, MOST_LOGS).map(logOf),
    answer: answer ?? null,
    verdict,
  }
}

function logOf({ logIndex, address, topics, data, transactionHash }: ChainLog) {
  return { logIndex, address, topics: [...topics], data, transactionHash }
}

function receiptsOf(receipts: readonly WitnessedReceipt[]): ChainEvidence['receipts'] {
  const told = receipts.map(({ transactionHash, transactionIndex, fields, logs }) => ({
    transactionHash,
    transactionIndex,
    fields: { ...fields },
    logs: logs.map(({ address, topics, data }) => ({ address, topics: [...topics], data })),
  }))
  return JSON.stringify(told).length > MOST_RECEIPT_BYTES ? null : told
}
