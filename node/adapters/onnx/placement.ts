import type { Placement } from './worker-protocol.ts'

/** What a profile of the runtime says of where operators ran: its events of category `Node` name their provider. */
export function placementOf(profiles: readonly string[]): Placement {
  const operators = new Map<string, Set<string>>()
  for (const text of profiles)
    for (const event of JSON.parse(text) as {
      cat?: string
      name?: string
      args?: { provider?: string; node_index?: string }
    }[]) {
      const { provider, node_index } = event.args ?? {}
      if (event.cat !== 'Node' || provider === undefined || event.name?.endsWith('_kernel_time') !== true)
        continue
      const seen = operators.get(provider) ?? new Set()
      operators.set(provider, seen.add(node_index ?? event.name))
    }
  return Object.fromEntries([...operators].map(([provider, seen]) => [provider, seen.size]))
}

/**
 * `placement` in the words of the configuration: `webgpu`, or `webgpu 12, cpu 3` where the runtime did a part elsewhere
 * and the numbers count operators.
 */
export function providerText(placement: Placement): string {
  const parts = Object.entries(placement)
    .map(([name, count]) => ({ name: known[name] ?? name, count }))
    .sort((a, b) => b.count - a.count)
  return parts.length === 1
    ? (parts[0]?.name ?? '')
    : parts.map(({ name, count }) => `${name} ${count}`).join(', ')
}

/** The runtime's own names. */
const known: Readonly<Record<string, string>> = {
  CPUExecutionProvider: 'cpu',
  WebGpuExecutionProvider: 'webgpu',
  CUDAExecutionProvider: 'cuda',
}
