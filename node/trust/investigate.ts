import type { ChainLog, Hex } from '../ports/chain.ts'
import type { Witness, WitnessedHeader, WitnessedReceipt } from '../ports/witness.ts'
import { isHeaderProven } from './header-hash.ts'
import { proveReceipts, rootOf } from './prove-block.ts'
import { logsOfReceipts, sameAsProven } from './proven-logs.ts'
import { logsDigest, type Statement } from './statement.ts'
import type { Scope } from './take-statement.ts'

export interface Claim {
  readonly witness: Witness
  readonly header: WitnessedHeader
  readonly logs: readonly ChainLog[]
  /** Of a call. */
  readonly answer?: Hex
  readonly verdict: 'right' | 'wrong' | 'unproven'
}

export interface Investigation {
  /** Everybody says the same by now: somebody was not up to date, or takes words back. */
  readonly settled: boolean
  readonly claims: readonly Claim[]
  /** Null when none hashes to the block's hash. */
  readonly header: WitnessedHeader | null
  readonly receipts: readonly WitnessedReceipt[] | null
  /** Whether a provider says of the block what is proven; null when nothing is. */
  readonly isRight: ((witness: Witness) => Promise<boolean>) | null
}

/**
 * Finds out who is right about one block. Everybody is asked again, now by the block's hash, which leaves no room for
 * a backend that lags. Then the header that hashes to that hash proves the receipts root, and receipts with that root
 * prove the logs; it does not matter who gave them.
 */
export async function investigate(
  hash: Hex,
  statements: readonly Statement[],
  { scope, witnesses }: { readonly scope: Scope; readonly witnesses: readonly Witness[] },
): Promise<Investigation> {
  const claims = await Promise.all(statements.map((statement) => askAgain(hash, statement, scope)))
  const settled = claims.every(({ header, logs }) =>
    sameClaim({ header, logs }, claims[0] ?? { header, logs }),
  )
  if (settled) return { settled, claims, header: null, receipts: null, isRight: null }
  const header = await provenHeader(hash, claims, witnesses)
  const proof = header === null ? null : await proveReceipts(header, witnesses)
  const truth = header === null || proof === null ? null : logsOfReceipts(header, proof.receipts, scope)
  const wrong = (claim: Pick<Claim, 'header' | 'logs'>) =>
    (header !== null && !sameHeader(claim.header, header)) ||
    (truth !== null && !sameAsProven(claim.logs, truth))
  return {
    settled,
    claims: claims.map((claim) => ({
      ...claim,
      verdict:
        wrong(claim) || proof?.wrong.includes(claim.witness)
          ? 'wrong'
          : truth === null
            ? 'unproven'
            : 'right',
    })),
    header,
    receipts: proof?.receipts ?? null,
    isRight:
      header === null
        ? null
        : async (witness) => {
            const told = await witness.header(hash)
            if (told === null) return false
            const logs =
              truth === null || scope.addresses.length === 0
                ? []
                : await witness.logs({ ...scope, at: { hash } })
            if (wrong({ header: told, logs })) return false
            const receipts = proof === null ? null : await witness.receipts(hash).catch(() => null)
            return receipts === null || (await rootOf(receipts)) === header.receiptsRoot
          },
  }
}

/** Who can't answer about that block by its hash stays with what it said. */
async function askAgain(hash: Hex, { witness, end, logs }: Statement, scope: Scope): Promise<Claim> {
  const header = await witness.header(hash).catch(() => null)
  const again =
    scope.addresses.length === 0 ? [] : await witness.logs({ ...scope, at: { hash } }).catch(() => null)
  return { witness, header: header ?? end, logs: again ?? logs, verdict: 'unproven' }
}

async function provenHeader(
  hash: Hex,
  claims: readonly Claim[],
  witnesses: readonly Witness[],
): Promise<WitnessedHeader | null> {
  const isProven = (header: WitnessedHeader) => header.hash === hash && isHeaderProven(header)
  const told = claims.find(({ header }) => isProven(header))
  if (told !== undefined) return told.header
  for (const witness of witnesses) {
    const header = await witness.header(hash).catch(() => null)
    if (header !== null && isProven(header)) return header
  }
  return null
}

function sameClaim(one: Pick<Claim, 'header' | 'logs'>, other: Pick<Claim, 'header' | 'logs'>): boolean {
  return sameHeader(one.header, other.header) && logsDigest(one.logs) === logsDigest(other.logs)
}

function sameHeader(one: WitnessedHeader, other: WitnessedHeader): boolean {
  return (
    one.hash === other.hash &&
    one.number === other.number &&
    one.parentHash === other.parentHash &&
    one.timestamp === other.timestamp &&
    one.receiptsRoot === other.receiptsRoot
  )
}
