import { getAddress } from 'viem'
import { z } from 'zod'
import type { RouteSpec } from '../../ports/http.ts'
import { ProblemError } from '../../ports/http.ts'
import {
  addressSchema,
  bytes32Schema,
  cursorSchema,
  decodeCursor,
  encodeCursor,
  freshnessToMeta,
  hexSchema,
  limitSchema,
  listSchema,
  unsignedSchema,
} from '../../ports/http-schemas.ts'
import {
  type DecodingStatus,
  MOST_UNDECODED,
  type UndecodedLog,
  type UndecodedLogs,
} from '../../ports/undecoded-log.ts'
import type { NodeView } from './node-view.ts'

const statusSchema = z.object({
  contract: z.string(),
  chainId: z.int().positive(),
  checked: unsignedSchema.nullable().meta({ description: 'Newest block whose logs were looked through' }),
  final: unsignedSchema.nullable().meta({ description: 'Newest of them that is final' }),
  total: unsignedSchema.meta({
    description: 'Logs up to there that do not fit the ABI: no table has a row of them',
  }),
  kept: z.int().meta({ description: `How many of them are listed, the oldest: at most ${MOST_UNDECODED}` }),
  path: z.string().meta({ description: 'Where they are' }),
})

const logSchema = z.object({
  blockNumber: unsignedSchema,
  blockHash: bytes32Schema,
  logIndex: z.int(),
  transactionHash: bytes32Schema,
  address: addressSchema,
  event: z.string().meta({ description: 'Whose topic the log has' }),
  topics: z.array(bytes32Schema),
  data: hexSchema.meta({ description: 'The first 8,192 bytes' }),
  dataBytes: z.int(),
  error: z.string().meta({ description: 'What does not fit' }),
  final: z.boolean().meta({ description: 'False while its block may still leave the chain' }),
})

const placeSchema = z.tuple([unsignedSchema, z.int32()])

/** `GET /v1/index-errors`: how many logs of each contract of the operator's own do not fit its ABI. */
export function indexErrorsRoute(undecoded: UndecodedLogs): RouteSpec {
  return {
    method: 'get',
    path: '/v1/index-errors',
    summary: "Logs of the operator's own contracts that do not fit their ABI, contract by contract",
    response: z.object({ data: z.array(statusSchema) }),
    handler: async () => ({ data: (await undecoded.status()).map(statusOf) }),
  }
}

function statusOf({ contract, chainId, place, final }: DecodingStatus) {
  const total = place?.total ?? 0n
  return {
    ...{ contract, chainId, path: `/v1/index-errors/${contract}` },
    checked: place?.number.toString() ?? null,
    final: final?.number.toString() ?? null,
    total: total.toString(),
    kept: Math.min(Number(total), MOST_UNDECODED),
  }
}

const paramsSchema = z.object({ contract: z.string().max(24) })
const querySchema = z.object({ limit: limitSchema, cursor: cursorSchema.optional() })
type Params = z.output<typeof paramsSchema>
type Query = z.output<typeof querySchema>

/** `GET /v1/index-errors/{contract}`: the logs themselves, oldest first. */
export function contractErrorsRoute(undecoded: UndecodedLogs, node: NodeView): RouteSpec<Params, Query> {
  return {
    method: 'get',
    path: '/v1/index-errors/{contract}',
    summary: 'The logs of one contract that do not fit its ABI, oldest first',
    params: paramsSchema,
    query: querySchema,
    response: listSchema(logSchema),
    handler: async ({ params: { contract }, query: { limit, cursor } }) => {
      const status = (await undecoded.status()).find((each) => each.contract === contract)
      if (status === undefined) throw unknown(contract)
      const after = cursor === undefined ? null : placeOf(decodeCursor(placeSchema, cursor))
      const rows = await undecoded.logs({ contract, after, limit })
      const last = rows.length < limit ? undefined : rows.at(-1)
      return {
        data: rows.map((row) => shown(row, status)),
        meta: freshnessToMeta(await node.freshness()),
        nextCursor: last === undefined ? null : encodeCursor([String(last.blockNumber), last.logIndex]),
      }
    },
  }
}

function shown(log: UndecodedLog, { final }: DecodingStatus) {
  const { blockNumber, address, contract: _, chainId: __, ...rest } = log
  return {
    ...rest,
    blockNumber: blockNumber.toString(),
    address: getAddress(address),
    final: final !== null && blockNumber <= final.number,
  }
}

function placeOf([blockNumber, logIndex]: z.output<typeof placeSchema>) {
  return { blockNumber: BigInt(blockNumber), logIndex }
}

function unknown(contract: string): ProblemError {
  return new ProblemError({
    status: 404,
    code: 'INDEX_NO_CONTRACT',
    title: 'Not Found',
    detail: `There is no contract "${contract}". GET /v1/index-errors lists them.`,
  })
}
