import type { IndexShape } from '../../ports/index-shapes.ts'

/** Names that begin like this are GraphQL's own; the others can't be values of an enum. */
const RESERVED = /^(__.*|true|false|null)$/

/** A name that is not among `taken` yet; it is then. */
export function free(name: string, taken: Set<string>): string {
  const safe = RESERVED.test(name) ? `arg${name}` : name
  const found = taken.has(safe) ? free(`${safe}_`, taken) : safe
  taken.add(found)
  return found
}

/** What the columns of a table are called in the schema. */
export function fieldNames({ columns }: IndexShape): ReadonlyMap<string, string> {
  const plain = columns.map(({ name }) => name).filter((name) => !RESERVED.test(name))
  const taken = new Set(plain)
  return new Map(columns.map(({ name }) => [name, RESERVED.test(name) ? free(name, taken) : name]))
}

/** What a list of each table is called: its name with an s, or with more where that is another table's name. */
export function listNames(shapes: readonly IndexShape[]): ReadonlyMap<string, string> {
  const taken = new Set(shapes.map(({ name }) => name))
  return new Map(
    shapes.map(({ name }) => [
      name,
      taken.has(`${name}s`) ? free(`${name}_list`, taken) : free(`${name}s`, taken),
    ]),
  )
}

/**
 * What the types of a table are called. Names of operators' contracts begin in lower case, so none of theirs is like
 * one of another table.
 */
export function typeNames({ name }: IndexShape) {
  const own = name.includes('_')
  const row = own ? name : `${name.charAt(0).toUpperCase()}${name.slice(1)}`
  const of = (what: string) => (own ? `${what}_${name}` : `${row}${what}`)
  return { row, page: of('Page'), filter: of('Filter'), order: of('Order') }
}
