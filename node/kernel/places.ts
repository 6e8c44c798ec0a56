/** Where something stands in a plugin's configuration. */
export interface Place {
  /** `feeds.0.source.pools.1` */
  readonly path: string
  /** `id` of the entry around it, by which an operator knows it; null where none has one. */
  readonly of: string | null
}

/** Every place of a configuration whose value satisfies `is`, outermost first. */
export function placesOf(config: unknown, is: (value: unknown) => boolean): readonly Place[] {
  const found: Place[] = []
  const walk = (value: unknown, path: readonly string[], of: string | null) => {
    if (is(value)) found.push({ path: path.join('.'), of })
    if (typeof value !== 'object' || value === null) return
    const id: unknown = Reflect.get(value, 'id')
    for (const [key, each] of Object.entries(value))
      walk(each, [...path, key], typeof id === 'string' ? id : of)
  }
  walk(config, [], null)
  return found
}

/** ` of iyi-usd-price and iyi-usd-volatility-1h`; empty where none has a name. */
export function namesOf(places: readonly Place[]): string {
  const names = [...new Set(places.flatMap(({ of }) => of ?? []))]
  return names.length === 0 ? '' : ` of ${names.join(' and ')}`
}
