import { z } from 'zod'
import { evidenceSchema, evidenceSummarySchema } from '../../ports/chain-evidence.ts'
import { ProblemError } from '../../ports/http.ts'
import {
  bytes32Schema,
  cursorSchema,
  decodeCursor,
  encodeCursor,
  freshnessToMeta,
  itemSchema,
  limitSchema,
  listSchema,
  unsignedSchema,
} from '../../ports/http-schemas.ts'
import type { NodeView } from './node-view.ts'

const chainId = z
  .string()
  .regex(/^[1-9][0-9]{0,14}$/, 'must be a chain id')
  .transform(Number)

export const chainEvidenceParams = z.object({ id: chainId })
export const chainEvidenceQuery = z.object({ limit: limitSchema, cursor: cursorSchema.optional() })
/** `GET /v1/chains/{id}/evidence`: contradictions of a chain's providers and index, newest first. */
export const chainEvidenceList = listSchema(evidenceSummarySchema)

/** A row number: PostgreSQL's bigint has 19 digits. */
const positionSchema = unsignedSchema.max(18)

export async function listChainEvidence(
  view: NodeView,
  { id }: z.output<typeof chainEvidenceParams>,
  { limit, cursor }: z.output<typeof chainEvidenceQuery>,
): Promise<z.input<typeof chainEvidenceList>> {
  const meta = freshnessToMeta(await view.freshness())
  const found = await view.chainEvidence({
    chainId: id,
    limit,
    ...(cursor === undefined ? {} : { before: decodeCursor(positionSchema, cursor) }),
  })
  return {
    data: [...found.records],
    meta,
    nextCursor: found.cursor === null ? null : encodeCursor(found.cursor),
  }
}

export const oneChainEvidenceParams = z.object({ id: chainId, evidence: bytes32Schema })
/** `GET /v1/chains/{id}/evidence/{evidence}`: one of them with the header and the receipts that prove it. */
export const oneChainEvidence = itemSchema(evidenceSchema)

/** Throws `ProblemError` 404. */
export async function showChainEvidence(
  view: NodeView,
  { id, evidence }: z.output<typeof oneChainEvidenceParams>,
): Promise<z.input<typeof oneChainEvidence>> {
  const meta = freshnessToMeta(await view.freshness())
  const data = await view.oneChainEvidence(id, evidence.toLowerCase() as typeof evidence)
  if (data === null)
    throw new ProblemError({
      status: 404,
      code: 'CHAIN_UNKNOWN_EVIDENCE',
      title: 'Unknown evidence',
      detail: `This node keeps no evidence ${evidence} of chain ${id}; GET /v1/chains/${id}/evidence lists what it has.`,
    })
  return { data, meta }
}
