import { z } from 'zod'
import { nodeConfigSchema } from './schema.ts'

/** The part of JSON Schema that the configuration uses, to walk it by key. */
export interface Shape {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly examples?: readonly unknown[]
  readonly enum?: readonly string[]
  readonly properties?: Readonly<Record<string, Shape>>
  readonly required?: readonly string[]
  readonly items?: Shape
  /** Of an object whose keys are the operator's own; `false` where there are no others. */
  readonly additionalProperties?: Shape | boolean
  readonly anyOf?: readonly Shape[]
}

/** The configuration's schema as data: what the file's template, the reference and the fault messages read. */
export const configShape = z.toJSONSchema(nodeConfigSchema, { io: 'input' }) as Shape

/** The shape at a path such as `['chains', 0, 'rpc']`; null where the schema has no such key. */
export function shapeAt(path: readonly (string | number)[]): Shape | null {
  let shape: Shape = configShape
  for (const key of path) {
    const next: Shape | undefined =
      typeof key === 'number' ? shape.items : (own(propertiesOf(shape), key) ?? entriesOf(shape))
    if (next === undefined) return null
    shape = next
  }
  return shape
}

/** The keys of an object, also where something shorter may stand for it. */
export function propertiesOf(shape: Shape): Readonly<Record<string, Shape>> | undefined {
  return shape.properties ?? shape.anyOf?.find(({ properties }) => properties !== undefined)?.properties
}

/** What stands under each key of an object whose keys are the operator's own. */
export function entriesOf({ additionalProperties }: Shape): Shape | undefined {
  return typeof additionalProperties === 'object' ? additionalProperties : undefined
}

/** `record[key]`, for keys that came from outside. */
export function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined
}
