import { type CustomContract, customTables } from '../../ports/custom-tables.ts'

/** Source of `indexer/custom/tables.ts` in the program of a build with these contracts: Ponder finds tables as exports. */
export function customTablesSource(contracts: readonly CustomContract[]): string {
  const tables = contracts.flatMap(customTables).map(({ table }) => table)
  if (tables.length === 0) return 'export {}\n'
  return [
    "import { customTable } from './table.ts'",
    '',
    ...tables.sort().map((table) => `export const ${table} = customTable('${table}')`),
    '',
  ].join('\n')
}
