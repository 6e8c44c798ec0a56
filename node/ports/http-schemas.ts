import { type ZodType, z } from 'zod'
import type { Address, Hex } from './chain.ts'
import { ProblemError } from './http.ts'
import { type ChainFreshness, lagSecondsOf } from './index-reader.ts'
import type { Json } from './json.ts'

/** An integer as a decimal string, at most 256 bits: amounts, block numbers, sequence numbers. */
export const decimalSchema = z
  .string()
  .max(79)
  .regex(/^(0|-?[1-9][0-9]*)$/, 'must be an integer as a decimal string')
  .meta({ description: 'Integer as a decimal string', example: '1000000' })

/** Like `decimalSchema`, without a sign. */
export const unsignedSchema = z
  .string()
  .max(78)
  .regex(/^(0|[1-9][0-9]*)$/, 'must be a non-negative integer as a decimal string')
  .meta({ description: 'Non-negative integer as a decimal string', example: '1000000' })

/** Whole bytes, `0x` and an even number of hex digits. */
export const hexSchema: ZodType<Hex, string> = hexOf(
  /^0x([0-9a-fA-F]{2})*$/,
  'must be 0x and whole bytes in hex',
)

/** 32 bytes: a hash, a digest, a key. */
export const bytes32Schema: ZodType<Hex, string> = hexOf(
  /^0x[0-9a-fA-F]{64}$/,
  'must be 0x and 64 hex digits',
)

/** 20 bytes. The checksum of EIP-55 is not checked: lower case is fine. */
export const addressSchema: ZodType<Address, string> = hexOf(
  /^0x[0-9a-fA-F]{40}$/,
  'must be 0x and 40 hex digits',
)

function hexOf(pattern: RegExp, message: string): ZodType<Hex, string> {
  // The pattern guarantees the 0x that the template type asks for; zod can't say so by itself.
  return z.string().regex(pattern, message) as unknown as ZodType<Hex, string>
}

/** `limit` of a list, from a query string: 1..100, 20 when absent. */
export const limitSchema = z
  // Digits alone: a coerced number would also take `1e1` and `0x10`.
  .preprocess(
    (value) => (typeof value === 'string' && /^[0-9]+$/.test(value) ? Number(value) : value),
    z.number().int().min(1).max(100),
  )
  .default(20)
  .meta({ description: 'Most entries to answer with' })

/** `cursor` of a list, from a query string: `nextCursor` of the page before. */
export const cursorSchema = z
  .string()
  .min(1)
  .max(512)
  .regex(/^[A-Za-z0-9_-]+$/, 'must be the nextCursor of an earlier answer')
  .meta({ description: '`nextCursor` of the page before; opaque' })

/** How fresh the answer is, for every chain that the node follows. */
export const metaSchema = z
  .object({
    chains: z.array(
      z.object({
        chainId: z.int().positive(),
        name: z.string(),
        head: unsignedSchema.nullable().meta({ description: "Newest block that the node's own reader saw" }),
        indexed: unsignedSchema.nullable().meta({ description: 'Newest block in the tables of this answer' }),
        finalized: unsignedSchema.nullable(),
        lagBlocks: z.int().nullable().meta({ description: 'head - indexed' }),
        lagSeconds: z.number().nullable().meta({ description: 'The same in seconds of the chain' }),
      }),
    ),
  })
  .meta({ description: 'Freshness of the data, by chain' })
export type Meta = z.infer<typeof metaSchema>

/** Envelope of one page of a list. */
export function listSchema<T extends ZodType>(item: T) {
  return z.object({
    data: z.array(item),
    meta: metaSchema,
    nextCursor: z
      .string()
      .nullable()
      .meta({ description: 'Give it as `cursor` for the next page; null at the end' }),
  })
}

/** Envelope of one thing. */
export function itemSchema<T extends ZodType>(item: T) {
  return z.object({ data: item, meta: metaSchema })
}

/** The freshness of an answer as the API says it. */
export function freshnessToMeta(freshness: readonly ChainFreshness[]): Meta {
  return {
    chains: freshness.map((chain) => ({
      chainId: chain.chainId,
      name: chain.name,
      head: chain.head === null ? null : chain.head.number.toString(),
      indexed: chain.indexed === null ? null : chain.indexed.number.toString(),
      finalized: chain.finalized === null ? null : chain.finalized.toString(),
      lagBlocks: chain.lagBlocks,
      lagSeconds: lagSecondsOf(chain),
    })),
  }
}

/** Where a list goes on, as an opaque base64url string (RFC 4648, section 5). Holds no secret: anyone can read it. */
export function encodeCursor(position: Json): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

/** Reads a cursor back. Throws `ProblemError` (400, `HTTP_BAD_CURSOR`) on anything that `schema` does not accept. */
export function decodeCursor<T>(schema: ZodType<T>, cursor: string): T {
  let position: unknown
  try {
    if (!cursorSchema.safeParse(cursor).success) throw badCursor()
    position = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    throw badCursor()
  }
  const parsed = schema.safeParse(position)
  if (!parsed.success) throw badCursor()
  return parsed.data
}

function badCursor(): ProblemError {
  return new ProblemError({
    status: 400,
    code: 'HTTP_BAD_CURSOR',
    title: 'Bad cursor',
    detail:
      'This cursor is not from an answer of this list. Ask again without it to begin at the first page.',
  })
}
