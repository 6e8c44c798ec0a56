import { COMPUTED, type Import, importsOf } from './imports.ts'
import { MAY_COMPUTE_IMPORTS, MAY_EXIT, type Room, rooms } from './rooms.ts'

/** What the architecture forbids in `files` (text by path in the repository), one line each; empty when all is well. */
export function violations(files: ReadonlyMap<string, string>): readonly string[] {
  const graph = new Map([...files].map(([path, source]) => [path, importsOf(path, source)]))
  const found: string[] = []
  for (const [path, imports] of graph) {
    const room = rooms.find(({ files: own }) => own.test(path))
    if (room === undefined) {
      found.push(`${path}: belongs to no room of the table`)
      continue
    }
    for (const entry of imports) {
      const reason = forbidden(path, room, entry)
      if (reason !== null) found.push(`${path}: ${reason}`)
    }
    if (
      path !== MAY_EXIT &&
      /\bprocess\.exit\s*\(|\bexit\b[^;\n]*from 'node:process'/.test(files.get(path) ?? '')
    ) {
      found.push(`${path}: only ${MAY_EXIT} may end the process`)
    }
    if (/^plugins\/[^/]+\/index\.ts$/.test(path)) found.push(...eagerLogic(path, graph))
  }
  for (const cycle of cycles(graph)) found.push(`cycle: ${cycle.join(' -> ')}`)
  return found
}

function forbidden(path: string, room: Room, { target, kind }: Import): string | null {
  if (target === COMPUTED) return path === MAY_COMPUTE_IMPORTS ? null : 'imports something computed'
  if (!/\.(?:ts|json)$/.test(target)) {
    if (room.packages === null) return null
    const allowed = room.packages.some((name) =>
      name.endsWith('*') ? target.startsWith(name.slice(0, -1)) : target === name,
    )
    return allowed ? null : `a ${room.name} file may not use the package ${target}`
  }
  if (sameRoom(path, target, room)) return null
  // The composition root is the top: nothing but itself and the devnet, which runs whole nodes, stands above it.
  if (kind !== 'type' && target === 'node/main.ts') return 'nobody imports node/main.ts'
  return room.ours.some((pattern) => new RegExp(pattern).test(target))
    ? null
    : `a ${room.name} file may not import ${target}`
}

/** One adapter is a room, and so is one plugin: their names must be equal too. */
function sameRoom(path: string, target: string, room: Room): boolean {
  const [own, other] = [room.files.exec(path), room.files.exec(target)]
  return own !== null && other !== null && own[1] === other[1]
}

type Graph = ReadonlyMap<string, readonly Import[]>

/** A description is read before anybody granted anything: what it loads later must not come with it at once. */
function eagerLogic(index: string, graph: Graph): readonly string[] {
  const folder = index.slice(0, -'index.ts'.length)
  const imports = graph.get(index) ?? []
  const statics = (path: string) => (graph.get(path) ?? []).filter(({ kind }) => kind === 'static')
  const logic = imports.filter(({ kind }) => kind === 'dynamic').map(({ target }) => target)
  const allowed = (target: string) =>
    !target.startsWith(folder) || target === `${folder}config.ts` || target === `${folder}api.ts`
  const found = statics(index)
    .filter(({ target }) => target.endsWith('.ts') && !allowed(target))
    .map(
      ({ target }) => `${index}: a description imports only its config.ts and api.ts at once, not ${target}`,
    )
  const reached = new Set<string>()
  const queue = [index]
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    for (const { target } of statics(path)) {
      if (reached.has(target)) continue
      reached.add(target)
      queue.push(target)
    }
  }
  const eager = logic.filter((target) => reached.has(target))
  return [...found, ...eager.map((target) => `${index}: pulls in ${target} at once, which load() is for`)]
}

/** Each cycle of files once, as the path that closes it. Type imports count: a cycle of types is still one lump. */
function cycles(graph: Graph): readonly (readonly string[])[] {
  const done = new Set<string>()
  const found: string[][] = []
  const visit = (path: string, trail: readonly string[]) => {
    const from = trail.indexOf(path)
    if (from !== -1) found.push([...trail.slice(from), path])
    if (from !== -1 || done.has(path)) return
    for (const { target } of graph.get(path) ?? []) if (graph.has(target)) visit(target, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
  return found
}
