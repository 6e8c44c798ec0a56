import { graphqlApi } from '../adapters/graphql/graphql-api.ts'
import { customIndex } from '../adapters/ponder/custom-reader.ts'
import { indexPages } from '../adapters/ponder/page-reader.ts'
import type { Database } from '../adapters/postgres/database.ts'
import { undecodedStore } from '../adapters/postgres/undecoded-store.ts'
import type { ChainPools } from '../adapters/viem/pools.ts'
import { rawLogs } from '../adapters/viem/raw-logs.ts'
import type { NodeConfig } from '../config/schema.ts'
import { decodingWatch } from '../decoding/decoding-watch.ts'
import type { ChainReader } from '../ports/chain.ts'
import type { Clock } from '../ports/clock.ts'
import type { CustomIndex } from '../ports/custom-index.ts'
import { type CustomContract, customTables } from '../ports/custom-tables.ts'
import type { GraphqlApi } from '../ports/graphql.ts'
import type { IndexReader } from '../ports/index-reader.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import type { UndecodedLogs } from '../ports/undecoded-log.ts'
import type { Teardown } from './teardown.ts'

/** What the API shows of the index to anybody. */
export interface PublicIndex {
  readonly custom: CustomIndex
  readonly graphql: GraphqlApi
  readonly undecoded: UndecodedLogs
}

/** Opens what anybody may read of the index, and looks for the logs of the operator's contracts that it lacks. */
export async function publicIndex(
  { indexer }: Pick<NodeConfig, 'indexer'>,
  options: { readonly contracts: readonly CustomContract[]; readonly url: string },
  modules: {
    readonly teardown: Teardown
    readonly database: Database
    readonly pools: ChainPools
    readonly chain: ChainReader
    readonly index: IndexReader
    readonly clock: Clock
    readonly log: Logger
    readonly metrics: Metrics
  },
): Promise<PublicIndex> {
  const { teardown } = modules
  const { contracts, url } = options
  const reads = {
    viewsSchema: indexer.viewsSchema,
    tables: contracts.flatMap(customTables),
    databaseUrl: url,
  }
  const custom = customIndex(reads)
  teardown.add('custom index', () => custom.close())
  const pages = indexPages(reads)
  teardown.add('index pages', () => pages.close())
  const undecoded = undecodedStore(modules)
  const watch = decodingWatch({ contracts }, { ...modules, raw: rawLogs(modules), store: undecoded })
  teardown.add('decoding watch', () => watch.stop())
  await watch.start()
  return { custom, graphql: graphqlApi({ ...modules, pages }), undecoded }
}
