/** Pure functions of the same bytes, which are the same object for as long as the configuration is. */
export function remember<T>(read: (bytes: Uint8Array) => T): (bytes: Uint8Array) => T {
  const known = new WeakMap<Uint8Array, { value: T }>()
  return (bytes) => {
    let entry = known.get(bytes)
    if (entry === undefined) {
      entry = { value: read(bytes) }
      known.set(bytes, entry)
    }
    return entry.value
  }
}
