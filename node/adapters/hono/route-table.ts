import type { RouteSpec } from '../../ports/http.ts'
import { GatewayError } from './gateway-error.ts'

const templatePattern = /^(\/([A-Za-z0-9._~-]+|\{[A-Za-z][A-Za-z0-9]*\}))+$/
const rootPattern = /^(\/[a-z0-9][a-z0-9._-]*)+$/

interface Entry {
  readonly method: string
  readonly segments: readonly string[]
  readonly template: string
}

/**
 * Which paths exist and whose they are: refuses duplicates and paths outside a plugin's roots, answers which methods a
 * path knows (405) and under which template a request is counted.
 */
export class RouteTable {
  readonly #entries: Entry[] = []
  readonly #roots = new Map<string, string>()
  #open = true

  /** Gives path roots to a plugin. Throws `GATEWAY_BAD_ROOT` on a bad one or one that overlaps another's. */
  claim(owner: string, roots: readonly string[]): void {
    for (const root of roots) {
      const clash = [...this.#roots].find(
        ([other, by]) => by !== owner && (under(other, root) || under(root, other)),
      )
      const core = this.#entries.find((entry) => under(entry.template, root) || under(root, entry.template))
      if (!rootPattern.test(root) || clash !== undefined || core !== undefined)
        throw new GatewayError(
          'GATEWAY_BAD_ROOT',
          `Plugin ${owner} can not serve ${root}: ${
            clash !== undefined
              ? `it overlaps ${clash[0]} of ${clash[1]}`
              : core !== undefined
                ? `the node itself serves ${core.template}`
                : 'a root looks like /v1/<name>, in lower case, without a slash at the end'
          }. Change the routes of its description.`,
          { data: { plugin: owner, root } },
        )
    }
    for (const root of roots) this.#roots.set(root, owner)
  }

  /** Adds a route. Throws `GATEWAY_ROUTES_CLOSED`, `GATEWAY_BAD_ROUTE`, `GATEWAY_PATH_OUTSIDE_ROOTS`, `GATEWAY_DUPLICATE_ROUTE`. */
  add(
    owner: string,
    spec: Pick<RouteSpec, 'method' | 'path' | 'params' | 'body' | 'bytes'>,
    roots?: readonly string[],
  ): void {
    const refuse = (code: GatewayError['code'], why: string) =>
      new GatewayError(
        code,
        `Plugin ${owner} can not add ${spec.method.toUpperCase()} ${spec.path}: ${why}.`,
        {
          data: { plugin: owner, method: spec.method, path: spec.path },
        },
      )
    if (!this.#open) throw refuse('GATEWAY_ROUTES_CLOSED', 'the gateway listens already; add routes in setup')
    if (!templatePattern.test(spec.path))
      throw refuse('GATEWAY_BAD_ROUTE', 'a path looks like /v1/name/{parameter}, without a slash at the end')
    const names = [...spec.path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1])
    const declared = Object.keys(spec.params?.shape ?? {})
    if (new Set(names).size !== names.length || [...names].sort().join() !== declared.sort().join())
      throw refuse(
        'GATEWAY_BAD_ROUTE',
        `its path has the parameters [${names.join(', ')}] but its schema [${declared.join(', ')}]`,
      )
    if (spec.body !== undefined && spec.bytes !== undefined)
      throw refuse('GATEWAY_BAD_ROUTE', 'it takes either a JSON body or bytes')
    if (spec.method === 'get' && (spec.body !== undefined || spec.bytes !== undefined))
      throw refuse('GATEWAY_BAD_ROUTE', 'a GET has no body; use query or post')
    if (roots !== undefined && !roots.some((root) => under(spec.path, root)))
      throw refuse('GATEWAY_PATH_OUTSIDE_ROOTS', `it must lie under ${roots.join(' or ')}`)
    const segments = spec.path.split('/')
    const twin = this.#entries.find(
      (e) => e.method === spec.method && shapeOf(e.segments) === shapeOf(segments),
    )
    if (twin !== undefined) throw refuse('GATEWAY_DUPLICATE_ROUTE', `${twin.template} is there already`)
    this.#entries.push({ method: spec.method, segments, template: spec.path })
  }

  /** From now on nothing can be added. */
  seal(): void {
    this.#open = false
  }

  /** Methods that a concrete path knows, as the `Allow` header lists them; empty when there is no such path. */
  allowed(path: string): string[] {
    const methods = new Set<string>()
    for (const entry of this.#entries)
      if (matches(entry.segments, path)) {
        methods.add(entry.method.toUpperCase())
        if (entry.method === 'get') methods.add('HEAD')
      }
    return methods.size === 0 ? [] : [...methods, 'OPTIONS'].sort()
  }
}

function under(path: string, root: string): boolean {
  return path === root || path.startsWith(`${root}/`)
}

function shapeOf(segments: readonly string[]): string {
  return segments.map((segment) => (segment.startsWith('{') ? '{}' : segment)).join('/')
}

function matches(segments: readonly string[], path: string): boolean {
  const parts = path.split('/')
  return (
    parts.length === segments.length &&
    segments.every((segment, i) => (segment.startsWith('{') ? parts[i] !== '' : parts[i] === segment))
  )
}
