/** What one request may cost: anybody may send one. */
export const limits = {
  /** Of the query's text, in characters. */
  query: 20_000,
  /** Of the variables as JSON, in characters. */
  variables: 50_000,
  tokens: 2_000,
  /** The introspection that tools send is 15 levels deep; rows are 3. */
  depth: 16,
  fields: 200,
  aliases: 30,
  rootFields: 20,
  /** Fields of the introspection that lead back to types, one within the other. */
  introspection: 2,
  introspections: 3,
  /** Of one list. */
  page: 1_000,
  defaultPage: 100,
  /** Of all lists together. */
  rows: 5_000,
  /** Values of all rows together. */
  values: 40_000,
  /** Values that are written in one turn of the event loop: about 3 ms. */
  valuesAtOnce: 1_000,
  /** Values of one `_in`. */
  listed: 100,
  /** Of one text in a filter, in characters. */
  text: 1_000,
  /** Of all values in the answer, in characters. */
  answer: 8_000_000,
  /** For how long an answer on how fresh the index is serves others too. */
  metaMs: 1_000,
  errors: 10,
  /** Requests that read at once, and that wait for their turn. */
  running: 3,
  waiting: 64,
  /** No row is read for a request that is older. */
  deadlineMs: 8_000,
} as const

export type Limits = { readonly [L in keyof typeof limits]: number }
