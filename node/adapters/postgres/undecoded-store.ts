import type { Hex } from '../../ports/chain.ts'
import type {
  DecodingPlace,
  DecodingStatus,
  FactoryChild,
  UndecodedLog,
  UndecodedStore,
} from '../../ports/undecoded-log.ts'
import type { Database } from './database.ts'

type Row = Readonly<Record<string, unknown>>

/** Remembers which logs of operators' contracts could not be decoded. Rejects with `DatabaseError`. */
export function undecodedStore({ database }: { readonly database: Database }): UndecodedStore {
  const status = async () =>
    (await database.query('select * from undecoded_progress order by contract')).map(statusOf)
  return {
    status,
    async logs({ contract, after, limit }) {
      const rows = await database.query(
        `select * from undecoded_log
         where contract = $1 and ($2::numeric is null or (block_number, log_index) > ($2::numeric, $3::integer))
         order by block_number, log_index limit $4`,
        [contract, after === null ? null : String(after.blockNumber), after?.logIndex ?? null, limit],
      )
      return rows.map(logOf)
    },
    async open(contracts) {
      const given = JSON.stringify(contracts)
      const columns = '(contract text, "chainId" bigint, scope text)'
      await database.batch([
        {
          sql: `delete from undecoded_progress p where not exists (
                  select from json_to_recordset($1::json) as c ${columns}
                  where c.contract = p.contract and c."chainId" = p.chain_id and c.scope = p.scope)`,
          params: [given],
        },
        {
          sql: `insert into undecoded_progress (contract, chain_id, scope)
                select contract, "chainId", scope from json_to_recordset($1::json) as c ${columns}
                on conflict (contract) do nothing`,
          params: [given],
        },
      ])
      const children = await database.query('select * from undecoded_child order by block_number, address')
      return (await status()).map((each) => ({
        ...each,
        children: children.filter(({ contract }) => contract === each.contract).map(childOf),
      }))
    },
    async advance(contract, { place, final }, { logs, children }) {
      await database.batch([
        {
          sql: `update undecoded_progress set block_number = $2, block_hash = $3, total = $4,
                  final_number = $5, final_hash = $6, final_total = $7 where contract = $1`,
          params: [contract, ...columnsOf(place), ...columnsOf(final)],
        },
        {
          sql: `insert into undecoded_log
                select contract, "blockNumber", "logIndex", "chainId", "blockHash", "transactionHash", address, event,
                       topics, data, "dataBytes", error
                from json_to_recordset($1::json) as l (contract text, "blockNumber" numeric, "logIndex" integer,
                  "chainId" bigint, "blockHash" text, "transactionHash" text, address text, event text, topics json,
                  data text, "dataBytes" integer, error text)`,
          params: [jsonOf(logs)],
        },
        {
          sql: `insert into undecoded_child
                select $2, address, "blockNumber"
                from json_to_recordset($1::json) as c (address text, "blockNumber" numeric)
                on conflict (contract, address) do nothing`,
          params: [jsonOf(children), contract],
        },
      ])
    },
    async rewind(contract, to) {
      const number = to === null ? '-1' : String(to.number)
      await database.batch([
        {
          sql: 'delete from undecoded_log where contract = $1 and block_number > $2',
          params: [contract, number],
        },
        {
          sql: 'delete from undecoded_child where contract = $1 and block_number > $2',
          params: [contract, number],
        },
        {
          sql: `update undecoded_progress set block_number = $2, block_hash = $3, total = $4,
                  final_number = $2, final_hash = $3, final_total = $4 where contract = $1`,
          params: [contract, ...columnsOf(to)],
        },
      ])
    },
  }
}

function columnsOf(place: DecodingPlace | null): readonly [string | null, string | null, string] {
  return place === null ? [null, null, '0'] : [String(place.number), place.hash, String(place.total)]
}

function statusOf(row: Row): DecodingStatus {
  return {
    contract: String(row.contract),
    chainId: Number(row.chain_id),
    place: placeOf(row.block_number, row.block_hash, row.total),
    final: placeOf(row.final_number, row.final_hash, row.final_total),
  }
}

function placeOf(number: unknown, hash: unknown, total: unknown): DecodingPlace | null {
  if (number === null) return null
  return { number: BigInt(String(number)), hash: String(hash) as Hex, total: BigInt(String(total)) }
}

function logOf(row: Row): UndecodedLog {
  return {
    contract: String(row.contract),
    chainId: Number(row.chain_id),
    blockNumber: BigInt(String(row.block_number)),
    blockHash: String(row.block_hash) as Hex,
    logIndex: Number(row.log_index),
    transactionHash: String(row.transaction_hash) as Hex,
    address: String(row.address) as Hex,
    event: String(row.event),
    topics: row.topics as readonly Hex[],
    data: String(row.data) as Hex,
    dataBytes: Number(row.data_bytes),
    error: String(row.error),
  }
}

function childOf(row: Row): FactoryChild {
  return { address: String(row.address) as Hex, blockNumber: BigInt(String(row.block_number)) }
}

function jsonOf(rows: readonly object[]): string {
  return JSON.stringify(rows, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
}
