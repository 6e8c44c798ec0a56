import { GraphQLBoolean, GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql'
import type { ColumnKind } from '../../ports/index-tables.ts'
import { limits } from './limits.ts'

const safeInt = new GraphQLScalarType<number, number>({
  name: 'SafeInt',
  description: 'An integer of at most 2^53 - 1 in amount, as a JSON number.',
  serialize: (value) => integer(value),
  parseValue: (value) => integer(value),
  parseLiteral: (node) => integer(node.kind === Kind.INT ? Number(node.value) : undefined),
})

const bigInt = new GraphQLScalarType<bigint, string>({
  name: 'BigInt',
  description:
    'An integer of any size, as a decimal string. In arguments a JSON integer is fine too, where it is exact.',
  serialize: (value) => String(value),
  parseValue: (value) => decimal(typeof value === 'number' ? String(integer(value)) : value),
  parseLiteral: (node) => decimal(textOf(node, Kind.INT)),
})

const hex = new GraphQLScalarType<string, string>({
  name: 'Hex',
  description: '0x and hex digits. In arguments upper and lower case mean the same.',
  serialize: (value) => String(value),
  parseValue: (value) => hexOf(value),
  parseLiteral: (node) => hexOf(textOf(node)),
})

const json = new GraphQLScalarType<unknown, unknown>({
  name: 'JSON',
  description: 'A list, or an object by name; integers are decimal strings.',
  serialize: (value) => value,
  parseValue: () => refuse('JSON can not be an argument'),
  parseLiteral: () => refuse('JSON can not be an argument'),
})

const text = new GraphQLScalarType<string, string>({
  name: 'Text',
  description: `A text. In arguments of at most ${limits.text} characters.`,
  serialize: (value) => String(value),
  parseValue: (value) => textIn(value),
  parseLiteral: (node) => textIn(textOf(node)),
})

/** What a column of each kind is in the schema. */
export const scalars: Readonly<Record<ColumnKind, GraphQLScalarType>> = {
  ...{ int: safeInt, bigint: bigInt, text, hex, bool: GraphQLBoolean, json },
}

function textOf(node: ValueNode, also?: Kind.INT): unknown {
  return node.kind === Kind.STRING || (also !== undefined && node.kind === also) ? node.value : undefined
}

function integer(value: unknown): number {
  if (Number.isSafeInteger(value)) return Number(value)
  return refuse('give an integer')
}

function decimal(value: unknown): bigint {
  if (typeof value === 'string' && value.length <= 79 && /^(0|-?[1-9][0-9]*)$/.test(value))
    return BigInt(value)
  return refuse('give an integer as a decimal string, at most 256 bits')
}

function hexOf(value: unknown): string {
  if (typeof value === 'string' && value.length <= limits.text && /^0x[0-9a-fA-F]*$/.test(value))
    return value.toLowerCase()
  return refuse('give 0x and hex digits')
}

function textIn(value: unknown): string {
  if (typeof value !== 'string') return refuse('give a text')
  // PostgreSQL has no NUL in texts.
  if (value.includes('\0')) return refuse('leave the NUL character (U+0000) out')
  return value.length <= limits.text ? value : refuse(`give at most ${limits.text} characters`)
}

function refuse(why: string): never {
  throw new GraphQLError(`${why}.`)
}
