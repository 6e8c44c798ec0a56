import { z } from 'zod'
import { decodeCursor, encodeCursor } from '../../ports/http-schemas.ts'
import type { PageRow, Scalar } from '../../ports/index-pages.ts'
import type { ShapeColumn } from '../../ports/index-shapes.ts'
import { GraphqlFault } from './errors.ts'

const cursorSchema = z.tuple([
  z.enum(['asc', 'desc']),
  z.array(z.string().max(100)).max(10),
  z.array(z.string().max(200)).max(10),
])

/** The place of a row in a list of that order, for whoever goes on from there. */
export function cursorAt(order: readonly ShapeColumn[], direction: 'asc' | 'desc', row: PageRow): string {
  return encodeCursor([direction, order.map(({ name }) => name), order.map(({ name }) => String(row[name]))])
}

/** The values that a cursor tells. Throws `GRAPHQL_BAD_CURSOR` for one that is not of a list of this order. */
export function placeOf(
  order: readonly ShapeColumn[],
  direction: 'asc' | 'desc',
  cursor: string,
): readonly Scalar[] {
  const [way, names, texts] = parsed(cursor)
  if (
    way !== direction ||
    names.join() !== order.map(({ name }) => name).join() ||
    texts.length !== order.length
  )
    throw new GraphqlFault(
      'GRAPHQL_BAD_CURSOR',
      'This cursor is of a list in another order. Ask with the same orderBy and orderDirection, or begin without it.',
    )
  return order.map((column, at) => cellOf(column, texts[at] ?? ''))
}

function parsed(cursor: string): z.output<typeof cursorSchema> {
  try {
    return decodeCursor(cursorSchema, cursor)
  } catch {
    throw garbled()
  }
}

function cellOf({ kind }: ShapeColumn, text: string): Scalar {
  if (kind === 'bigint' && /^-?[0-9]{1,78}$/.test(text)) return BigInt(text)
  if (kind === 'int' && Number.isSafeInteger(Number(text))) return Number(text)
  if (kind === 'hex' && /^0x[0-9a-f]*$/.test(text)) return text
  if (kind === 'text' && !text.includes('\0')) return text
  throw garbled()
}

function garbled(): GraphqlFault {
  return new GraphqlFault(
    'GRAPHQL_BAD_CURSOR',
    'This cursor is not from an answer of this list. Begin without it.',
  )
}
