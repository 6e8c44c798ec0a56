import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { type AbiEvent, type CustomContract, customFaults, signatureOf } from '../ports/custom-tables.ts'
import { ConfigError } from './errors.ts'
import type { NodeConfig } from './schema.ts'

const inputSchema: z.ZodType<AbiEvent['inputs'][number]> = z.lazy(() =>
  z.object({
    name: z.string().optional(),
    type: z.string(),
    indexed: z.boolean().optional(),
    components: z.array(inputSchema).optional(),
  }),
)
const eventSchema = z.object({
  type: z.literal('event'),
  name: z.string().regex(/^[A-Za-z_$][A-Za-z0-9_$]*$/),
  inputs: z.array(inputSchema),
  anonymous: z.boolean().optional(),
})
const entriesSchema = z.array(z.looseObject({ type: z.string() }))
/** An ABI by itself, or inside what a compiler wrote. */
const fileSchema = z.union([entriesSchema, z.looseObject({ abi: entriesSchema }).transform(({ abi }) => abi)])

/**
 * The operator's own contracts with their ABIs read, in the terms of the indexer. Throws `ConfigError` `CONFIG_INVALID`
 * with every fault at once.
 */
export function customContracts(config: NodeConfig, path: string): readonly CustomContract[] {
  const faults: string[] = []
  const faulty = new Set<string>()
  const fault = (name: string, why: string) => {
    faulty.add(name)
    faults.push(`${name}: ${why}`)
  }
  const read = config.indexer.contracts.flatMap((contract): CustomContract[] => {
    const { name, chainId, startBlock, abi, address, factory } = contract
    // Absent where it is not wanted: an index that was made before is still the same.
    const told = contract.eventLog ? { eventLog: true } : {}
    const all = eventsIn(abi, (why) => fault(name, why))
    const is = (event: AbiEvent, wanted: string) => event.name === wanted || signatureOf(event) === wanted
    const { events: wanted } = contract
    const events = wanted === undefined ? all : all.filter((event) => wanted.some((each) => is(event, each)))
    for (const missing of (wanted ?? []).filter((each) => !all.some((event) => is(event, each))))
      fault(name, `${abi} has no event ${missing}; it has ${all.map((event) => event.name).join(', ')}`)
    if (address !== undefined) {
      const addresses = typeof address === 'string' ? [address] : address
      return [{ name, chainId, startBlock, events, source: { addresses: addresses.map(hex) }, ...told }]
    }
    if (factory === undefined) return []
    const made = eventsIn(factory.abi, (why) => faults.push(`${name}: ${why}`))
    const event = made.find((candidate) => candidate.name === factory.event)
    const input = event?.inputs.find((candidate) => candidate.name === factory.parameter)
    if (event === undefined) faults.push(`${name}: ${factory.abi} has no event ${factory.event}`)
    else if (input?.type !== 'address')
      faults.push(`${name}: ${factory.event} has no address "${factory.parameter}"`)
    if (event === undefined) return []
    const { parameter } = factory
    const source = { factory: { address: hex(factory.address), event, parameter } }
    return [{ name, chainId, startBlock, events, source, ...told }]
  })
  // That it has no event follows from a fault that was told.
  faults.push(...customFaults(read.filter(({ name, events }) => events.length > 0 || !faulty.has(name))))
  const unknown = read.filter(({ chainId }) => !config.chains.some(({ id }) => id === chainId))
  for (const { name, chainId } of unknown) faults.push(`${name}: chain ${chainId} is not configured`)
  if (faults.length === 0) return read
  const told = faults.map((message) => ({
    path: 'indexer.contracts',
    from: 'file' as const,
    message,
    remedy: 'correct the contract or its ABI',
  }))
  const lines = told.map(({ message }) => `  indexer.contracts: ${message}`).join('\n')
  throw new ConfigError('CONFIG_INVALID', `${path} has contracts that can't be indexed:\n${lines}`, {
    path,
    faults: told,
  })
}

function eventsIn(path: string, fault: (why: string) => void): readonly AbiEvent[] {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    const why =
      error instanceof Error && 'code' in error
        ? 'there is no such file, or it is not readable'
        : 'it is not JSON'
    fault(`can't read the ABI ${path}: ${why}`)
    return []
  }
  const entries = fileSchema.safeParse(json)
  if (!entries.success) {
    fault(`${path} holds no ABI: a JSON array, or an object with one under "abi"`)
    return []
  }
  return entries.data
    .filter(({ type }) => type === 'event')
    .flatMap((entry) => {
      const event = eventSchema.safeParse(entry)
      if (!event.success)
        fault(`${path} has an event that is not as ABIs have it: ${JSON.stringify(entry).slice(0, 80)}`)
      return event.success ? [event.data] : []
    })
}

const hex = (address: string) => address.toLowerCase() as `0x${string}`
