/** A node of a dependency graph: its id and the ids it depends on, all of which exist. */
export interface GraphNode {
  readonly id: string
  readonly requires: readonly string[]
}

/**
 * Layers a graph so that each layer depends on earlier ones only; inside a layer the given order stays. Where the graph
 * has cycles they are given instead, each as the path that closes it (`a`, `b`, `a`).
 */
export function layers(nodes: readonly GraphNode[]): {
  readonly levels: readonly (readonly string[])[]
  readonly cycles: readonly (readonly string[])[]
} {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const depth = new Map<string, number>()
  const cycles: string[][] = []
  const visit = (id: string, path: readonly string[]): number => {
    const from = path.indexOf(id)
    if (from !== -1) {
      cycles.push([...path.slice(from), id])
      return 0
    }
    const known = depth.get(id)
    if (known !== undefined) return known
    const below = (byId.get(id)?.requires ?? []).map((next) => visit(next, [...path, id]))
    const own = below.length === 0 ? 0 : Math.max(...below) + 1
    depth.set(id, own)
    return own
  }
  for (const node of nodes) visit(node.id, [])
  if (cycles.length > 0) return { levels: [], cycles }
  const levels: string[][] = []
  for (const { id } of nodes) {
    const level = depth.get(id) ?? 0
    while (levels.length <= level) levels.push([])
    levels[level]?.push(id)
  }
  return { levels, cycles: [] }
}
