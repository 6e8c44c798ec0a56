import {
  concat,
  decodeFunctionData,
  getAbiItem,
  hexToBytes,
  isAddressEqual,
  keccak256,
  recoverAddress,
  toFunctionSelector,
} from 'viem'
import type { z } from 'zod'
import { oracleFeedAbi } from '../../contracts/abi/OracleFeed.ts'
import type { ChainTransaction, Hex } from '../../node/ports/chain.ts'
import type { OracleIdentity } from '../../node/ports/quorum.ts'
import { isPassing } from './pin-state.ts'
import type { reportSchema } from './routes/schemas.ts'

type ReportView = z.infer<typeof reportSchema>

/** OCR2's, and so the same for contracts of every kind. */
const TRANSMIT = toFunctionSelector(getAbiItem({ abi: oracleFeedAbi, name: 'transmit' }))

/** Reads the report and its signers out of the calldata of `transmit`: what the contract itself has seen. */
export async function reportOf(
  { to, input }: ChainTransaction,
  contract: Hex,
  oracles: readonly OracleIdentity[],
): Promise<ReportView | null> {
  // Sent through another contract, or another function of a foreign one: its calldata is not ours to read.
  if (to === null || !isAddressEqual(to, contract) || !input.startsWith(TRANSMIT)) return null
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

/** For reads that an answer can do without while the chain does not answer. */
export function nullIfPassing(error: unknown): null {
  if (isPassing(error)) return null
  throw error
}
