import { z } from 'zod'
import { adminSchema } from './admin-schema.ts'
import { alertsSchema } from './alerts-schema.ts'
import { apiSchema } from './api-schema.ts'
import { chainsSchema } from './chains-schema.ts'
import { contentSchema } from './content-schema.ts'
import { databaseSchema } from './database-schema.ts'
import { indexerSchema } from './indexer-schema.ts'
import { inferenceSchema } from './inference-schema.ts'
import { keysSchema } from './keys-schema.ts'
import { logSchema } from './log-schema.ts'
import { networkSchema } from './network-schema.ts'
import { outboxSchema } from './outbox-schema.ts'
import { pluginsSchema } from './plugins-schema.ts'
import { portClash, sharedPort } from './port-clash.ts'
import { checkSeriesContracts, seriesSchema } from './series-schema.ts'

// The one source of the configuration: types, validation, `docs/config.md` and the file that `iyi init` writes all come
// from here. So every key has a description that says what it does, and a default where one is safe.

export const nodeConfigSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected letters, digits, dots, dashes')
      .default('iyi-node')
      .describe('Name of this node in logs and metrics.'),
    dataDir: z
      .string()
      .min(1)
      .default('data')
      .describe('Folder for everything the node writes, the keys apart.'),
    database: databaseSchema,
    chains: chainsSchema,
    indexer: indexerSchema,
    series: seriesSchema,
    network: networkSchema,
    api: apiSchema,
    admin: adminSchema,
    keys: keysSchema,
    inference: inferenceSchema,
    content: contentSchema,
    alerts: alertsSchema,
    log: logSchema,
    outbox: outboxSchema,
    plugins: pluginsSchema,
  })
  .superRefine(checkSeriesContracts)
  .refine(({ alerts, series }) => series.enabled || alerts.every(({ drift }) => drift !== undefined), {
    path: ['alerts'],
    error: 'there are rules on series, and no series that they could be held against',
    params: { remedy: 'set series.enabled to true, or remove the rules' },
  })
  .refine((value) => portClash(value, 'admin.port') === null, sharedPort('admin.port'))
  .refine((value) => portClash(value, 'network.listen') === null, sharedPort('network.listen'))
  .refine((value) => portClash(value, 'database.port') === null, sharedPort('database.port'))
  .refine((value) => portClash(value, 'indexer.port') === null, sharedPort('indexer.port'))

type DeepReadonly<T> = T extends readonly (infer E)[]
  ? readonly DeepReadonly<E>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T

/** The whole configuration of a node, defaults filled in. Paths are absolute once it went through `parseConfig`. */
export type NodeConfig = DeepReadonly<z.output<typeof nodeConfigSchema>>
