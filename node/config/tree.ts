/** A configuration before it was checked: what YAML gives. */
export type Tree = Record<string, unknown>
export type Path = readonly (string | number)[]

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value at `path`; undefined where there is none. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root
  for (const key of path) {
    if (Array.isArray(value) && typeof key === 'number') value = value[key]
    else if (isTree(value) && typeof key === 'string' && Object.hasOwn(value, key)) value = value[key]
    else return undefined
  }
  return value
}

/**
 * A copy of `root` with `value` at `path`; missing objects on the way are made. A list takes an index that it has, or
 * its next one. Null where the path meets something that has no such key.
 */
export function withValue(root: unknown, path: Path, value: unknown): unknown | null {
  const [key, ...rest] = path
  if (key === undefined) return value
  if (typeof key === 'number') {
    const list: readonly unknown[] | null = root === undefined ? [] : Array.isArray(root) ? root : null
    if (list === null || key > list.length) return null
    const child = withValue(list[key], rest, value)
    return child === null ? null : [...list.slice(0, key), child, ...list.slice(key + 1)]
  }
  const tree = root === undefined || root === null ? {} : root
  if (!isTree(tree)) return null
  const child = withValue(Object.hasOwn(tree, key) ? tree[key] : undefined, rest, value)
  return child === null ? null : { ...tree, [key]: child }
}

export function pathText(path: readonly PropertyKey[]): string {
  return path.map(String).join('.')
}
