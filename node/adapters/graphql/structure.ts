import {
  type DefinitionNode,
  type DocumentNode,
  type FieldNode,
  Kind,
  type SelectionSetNode,
  visit,
} from 'graphql'
import { GraphqlFault } from './errors.ts'
import { limits } from './limits.ts'

type Definitions = readonly DefinitionNode[]

/**
 * Refuses a document that is larger than any honest one before anything expensive looks at it. Throws
 * `GRAPHQL_TOO_COMPLEX`. What it passes is not valid for that.
 */
export function checkStructure(document: DocumentNode): void {
  let fields = 0
  let aliases = 0
  visit(document, {
    Field: (node) => {
      fields++
      if (node.alias !== undefined) aliases++
    },
  })
  atMost('fields', fields, limits.fields)
  atMost('aliases', aliases, limits.aliases)
  const { definitions } = document
  for (const definition of definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue
    const roots = rootFields(definitions, definition.selectionSet)
    atMost('root fields', roots.length, limits.rootFields)
    const introspects = roots.filter(({ name }) => ['__schema', '__type'].includes(name.value))
    atMost('introspections', introspects.length, limits.introspections)
    walk(definitions, definition.selectionSet, { depth: 1, introspection: 0, within: new Set() }, new Set())
  }
}

/** The fields at the root of an operation, those in fragments too. */
export function rootFields(definitions: Definitions, selectionSet: SelectionSetNode): readonly FieldNode[] {
  const seen = new Set<string>()
  const collect = (set: SelectionSetNode): readonly FieldNode[] =>
    set.selections.flatMap((selection): readonly FieldNode[] => {
      if (selection.kind === Kind.FIELD) return [selection]
      if (selection.kind === Kind.INLINE_FRAGMENT) return collect(selection.selectionSet)
      if (seen.has(selection.name.value)) return []
      seen.add(selection.name.value)
      const fragment = fragmentOf(definitions, selection.name.value)
      return fragment === undefined ? [] : collect(fragment)
    })
  return collect(selectionSet)
}

/** The fields that are asked for under fields, whatever their conditions. */
export function fieldsUnder(definitions: Definitions, nodes: readonly FieldNode[]): readonly FieldNode[] {
  return nodes.flatMap(({ selectionSet }) =>
    selectionSet === undefined ? [] : rootFields(definitions, selectionSet),
  )
}

/** How many values fields of one selection give: those of one name in the answer are one. */
export function answersOf(nodes: readonly FieldNode[]): number {
  return new Set(nodes.map(({ name, alias }) => (alias ?? name).value)).size
}

/** Fields of the introspection by which types lead to types again. */
const LEADING = new Set(['fields', 'inputFields', 'interfaces', 'possibleTypes', 'args', 'enumValues'])

interface Place {
  readonly depth: number
  readonly introspection: number
  /** Fragments that we are in: one in itself is refused later, by its own rule. */
  readonly within: ReadonlySet<string>
}

/** `seen`: which fragments were looked through already, and how deep. */
function walk(definitions: Definitions, set: SelectionSetNode, place: Place, seen: Set<string>): void {
  atMost('levels', place.depth, limits.depth)
  atMost('levels of introspection', place.introspection, limits.introspection)
  for (const selection of set.selections) {
    if (selection.kind === Kind.FIELD) {
      if (selection.selectionSet === undefined) continue
      const leads = LEADING.has(selection.name.value) ? 1 : 0
      const under = { ...place, depth: place.depth + 1, introspection: place.introspection + leads }
      walk(definitions, selection.selectionSet, under, seen)
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      walk(definitions, selection.selectionSet, place, seen)
    } else {
      const name = selection.name.value
      const fragment = fragmentOf(definitions, name)
      const at = `${name} ${place.depth} ${place.introspection}`
      if (fragment === undefined || place.within.has(name) || seen.has(at)) continue
      seen.add(at)
      walk(definitions, fragment, { ...place, within: new Set([...place.within, name]) }, seen)
    }
  }
}

function fragmentOf(definitions: Definitions, name: string): SelectionSetNode | undefined {
  for (const each of definitions)
    if (each.kind === Kind.FRAGMENT_DEFINITION && each.name.value === name) return each.selectionSet
  return undefined
}

function atMost(what: string, count: number, most: number): void {
  if (count > most)
    throw new GraphqlFault(
      'GRAPHQL_TOO_COMPLEX',
      `The query has ${count} ${what}; at most ${most} are answered. Ask for less at once.`,
    )
}
