import { type CustomContract, customEventName, customTables } from '../ports/custom-tables.ts'
import type { FillSource } from '../ports/series-source.ts'
import { ConfigError, type ConfigFault } from './errors.ts'
import { nearest } from './nearest.ts'
import type { NodeConfig } from './schema.ts'

type Entry = NodeConfig['series']['events'][number]

/**
 * The operator's series, held against the ABIs of their contracts.
 *
 * @throws ConfigError `CONFIG_INVALID` with every event and column that is not there
 */
export function seriesSources(
  config: Pick<NodeConfig, 'series'>,
  contracts: readonly CustomContract[],
  path: string,
): readonly FillSource[] {
  const faults: ConfigFault[] = []
  const found = config.series.events.flatMap((entry, at) => {
    const contract = contracts.find(({ name }) => name === entry.contract)
    // Told already where the configuration was checked.
    if (contract === undefined) return []
    const fault = (key: string, message: string, remedy: string) =>
      faults.push({ path: `series.events.${at}.${key}`, from: 'file', message, remedy })
    const table = customTables(contract).find(({ event }) => event === entry.event)
    if (table === undefined) {
      const names = contract.events.map(({ name }) => name)
      fault('event', `${contract.name} has no event ${entry.event}`, didYouMean(entry.event, names))
      return []
    }
    const columns = table.columns.filter(({ input }) => input !== null)
    for (const key of ['base', 'quote', 'price'] as const) {
      const name = entry[key]
      if (name === undefined) continue
      const column = columns.find((each) => each.name === name)
      if (column === undefined)
        fault(
          key,
          `${entry.event} has no column ${name}`,
          didYouMean(
            name,
            columns.map((each) => each.name),
          ),
        )
      else if (column.kind !== 'bigint')
        fault(key, `${name} of ${entry.event} is no integer`, 'name a column whose kind is bigint')
    }
    return [sourceOf(entry, contract)]
  })
  if (faults.length === 0) return found
  const lines = faults.map(({ path: key, message, remedy }) => `  ${key}: ${message}\n    -> ${remedy}`)
  throw new ConfigError('CONFIG_INVALID', `${path} has series that can't be made:\n${lines.join('\n')}`, {
    path,
    faults,
  })
}

function sourceOf(entry: Entry, { name, chainId, source }: CustomContract): FillSource {
  const { base, quote, price, priceScale = 18 } = entry
  return {
    id: entry.name,
    chainId,
    contracts: source,
    event: customEventName(name, entry.event),
    fields: price === undefined ? { base, quote: quote ?? '' } : { base, price, priceScale },
  }
}

function didYouMean(name: string, known: readonly string[]): string {
  const close = nearest(name, known)
  return close === null ? `use one of: ${known.join(', ')}` : `did you mean "${close}"?`
}
