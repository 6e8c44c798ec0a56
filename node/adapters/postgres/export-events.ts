import type { ExportColumn, ExportTable, ExportType } from '../../ports/export.ts'

const column = (name: string, type: ExportType, sql: string): ExportColumn => ({ name, type, sql })

/** The node's event log: each event once for each time that it was in its chain, with the stage that it has now. */
export function eventExport({ schema }: { readonly schema: string }): ExportTable {
  return {
    name: 'events',
    from: `"${schema}".event e`,
    columns: [
      column('id', 'int64', 'e.id'),
      column('chainId', 'int', 'e.chain_id'),
      column('blockNumber', 'int64', 'e.block_number'),
      column('blockHash', 'hex', 'e.block_hash'),
      column('logIndex', 'int', 'e.log_index'),
      column('transactionHash', 'hex', 'e.transaction_hash'),
      column('timestamp', 'time', 'e."timestamp"'),
      column('address', 'hex', 'e.address'),
      column('name', 'text', 'e.name'),
      column('data', 'json', 'e.data'),
      column('life', 'int', 'e.life'),
      column('stage', 'text', `(array['reverted', 'seen', 'confirmed', 'final'])[e.level + 1]`),
    ],
    chain: 'e.chain_id',
    block: 'e.block_number',
    order: ['e.chain_id', 'e.block_number', 'e.log_index', 'e.id'],
    blocks: {
      sql: `select chain_id::text, block_number::text from "${schema}".event_cursor where block_number >= 0`,
      read: ([chainId, block]) => ({ chainId: Number(chainId), block: BigInt(String(block)) }),
    },
  }
}
