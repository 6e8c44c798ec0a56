import { valueAt } from './tree.ts'

type Issue = { readonly path?: readonly PropertyKey[] | undefined }

/** The TCP ports that a node listens at, by key. */
function portsOf(config: unknown): ReadonlyMap<string, readonly number[]> {
  const at = (...path: string[]) => valueAt(config, path)
  const port = (section: string) => {
    const value = at(section, 'port')
    return typeof value === 'number' ? [value] : []
  }
  const listen = at('network', 'listen')
  return new Map([
    ['api.port', port('api')],
    ['admin.port', port('admin')],
    [
      'network.listen',
      // `/ip4/127.0.0.1/tcp/9420`
      Array.isArray(listen) ? listen.map((address) => Number(String(address).split('/')[4])) : [],
    ],
    ['database.port', at('database', 'mode') === 'embedded' ? port('database') : []],
    ['indexer.port', at('indexer', 'mode') === 'managed' ? port('indexer') : []],
  ])
}

/** An earlier key that has a port of `key` too; 0 stands for another free one each time. */
export function portClash(config: unknown, key: string): string | null {
  const ports = portsOf(config)
  const own = ports.get(key) ?? []
  for (const [other, numbers] of ports) {
    if (other === key) return null
    if (numbers.some((number) => number !== 0 && own.includes(number))) return other
  }
  return null
}

/** The fault of two servers at one port, told together with those of other sections. */
export function sharedPort(key: string) {
  return {
    path: key.split('.'),
    error: ({ input }: { readonly input: unknown }) => `has the same port as ${portClash(input, key)}`,
    params: { remedy: `give ${key} another port` },
    when({ value, issues }: { readonly value: unknown; readonly issues: readonly Issue[] }) {
      const other = portClash(value, key)
      const isRight = (each: string) => issues.every(({ path }) => path?.[0] !== each.split('.')[0])
      return other !== null && isRight(other) && isRight(key)
    },
  }
}
