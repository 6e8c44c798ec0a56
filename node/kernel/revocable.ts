import { KernelError } from './errors.ts'

/** Lets a plugin use things until it was stopped. */
export interface Leash {
  /** A view of `target` that works until `revoke`; then every use of it throws `KERNEL_REVOKED`. */
  hold<T extends object>(name: string, target: T): T
  revoke(): void
}

/**
 * Makes the leash of one plugin. The views are read-only and call methods on their real owner, so classes with
 * `#private` fields work behind them; methods taken off a view are revoked with it.
 */
export function leash(plugin: string): Leash {
  let revoked = false
  const check = (name: string) => {
    if (!revoked) return
    throw new KernelError(
      'KERNEL_REVOKED',
      `plugin "${plugin}" used "${name}" after it was stopped: its stop() must end all its work`,
      { data: { plugin, name } },
    )
  }
  return {
    hold<T extends object>(name: string, target: T): T {
      const methods = new Map<unknown, unknown>()
      const read = (key: string | symbol): unknown => {
        const value: unknown = Reflect.get(target, key)
        if (typeof value !== 'function') return value
        const known = methods.get(value)
        if (known !== undefined) return known
        const method = (...args: unknown[]): unknown => {
          check(name)
          return Reflect.apply(value, target, args)
        }
        methods.set(value, method)
        return method
      }
      const refuse = () => false
      // The proxied object is an empty one: the real one can't be reached by reflection, nor changed.
      return new Proxy(Object.create(null) as T, {
        get(_, key) {
          check(name)
          return read(key)
        },
        has: (_, key) => Reflect.has(target, key),
        set: refuse,
        defineProperty: refuse,
        deleteProperty: refuse,
        setPrototypeOf: refuse,
        preventExtensions: refuse,
      })
    },
    revoke() {
      revoked = true
    },
  }
}
