import type { Hex } from '../ports/chain.ts'
import type { Witness, WitnessedHeader } from '../ports/witness.ts'
import { TrustError } from './errors.ts'
import type { Range, Statement } from './statement.ts'

/** The logs that a chain is audited for. */
export interface Scope {
  readonly addresses: readonly Hex[]
  /** First topics of the events that the index keeps. */
  readonly topics: readonly Hex[]
}

/** Heads that providers told lately, by provider: a backfill needs no new one for each range. */
export type Heads = Map<number, bigint>

/**
 * Takes one provider's statement on a range. It must itself see `confirmations` blocks on top of it. Headers are read
 * after the logs: of a reorganisation in between they show. Rejects with `TrustError` `TRUST_NOT_AGREED` when the
 * provider is behind or contradicts itself, or as the provider does.
 */
export async function takeStatement(
  witness: Witness,
  range: Range,
  options: {
    readonly chainId: number
    readonly confirmations: bigint
    readonly scope: Scope
    readonly heads: Heads
  },
): Promise<Statement> {
  const { chainId, confirmations, scope, heads } = options
  const refuse = (reason: string) =>
    new TrustError('TRUST_NOT_AGREED', reason, {
      data: { chainId, block: range.to.toString(), reason },
      retry: true,
    })
  const needed = range.to + confirmations
  let head = heads.get(witness.provider) ?? -1n
  if (head < needed) {
    head = await witness.head()
    heads.set(witness.provider, head)
  }
  if (head < needed) throw refuse(`is behind: its newest block is ${head}, ${needed} is needed`)
  const logs = scope.addresses.length === 0 ? [] : await witness.logs({ ...scope, at: range })
  const end = await headerAt(range.to)
  const first = range.from === range.to ? end : await headerAt(range.from)
  for (const log of logs) {
    const header = log.blockNumber === end.number ? end : log.blockNumber === first.number ? first : null
    if (header !== null && header.hash !== log.blockHash)
      throw refuse(`contradicts itself: a log of block ${log.blockNumber} names another block hash`)
  }
  return { witness, end, first, logs }

  async function headerAt(number: bigint): Promise<WitnessedHeader> {
    const header = await witness.header(number)
    if (header === null || header.number !== number) throw refuse(`has no block ${number}`)
    return header
  }
}
