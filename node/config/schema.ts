import { z } from 'zod'
import { type CapabilityName, capabilityCatalogue } from '../ports/capabilities.ts'
import { logLevels } from '../ports/log.ts'
import { isLoopback } from '../ports/loopback.ts'
import { alertsSchema } from './alerts-schema.ts'
import { candidatesSchema } from './candidates-schema.ts'
import { chainSchema } from './chain-schema.ts'
import { outboxSchema } from './outbox-schema.ts'
import { portClash, sharedPort } from './port-clash.ts'
import { checkSeriesContracts, seriesSchema } from './series-schema.ts'

// The one source of the configuration: types, validation, `docs/config.md` and the file that `iyi init` writes all come
// from here. So every key has a description that says what it does, and a default where one is safe.

const capabilities = Object.keys(capabilityCatalogue) as [CapabilityName, ...CapabilityName[]]

const port = () => z.int().min(0).max(65_535)
const host = () => z.string().regex(/^[A-Za-z0-9.:-]+$/, 'expected a host name or an IP address')
const sqlName = () =>
  z
    .string()
    .regex(/^(?!pg_)[a-z_][a-z0-9_]{0,62}$/, 'expected a PostgreSQL name: lower-case letters, digits, _')
const tcpAddress = '(?:ip4|ip6|dns|dns4|dns6)/[^/]+/tcp/\\d{1,5}'
const origin = z
  .string()
  .regex(/^(?:\*|https?:\/\/[^/]+)$/, 'expected "*" or an origin such as https://app.example.org')

const database = z
  .strictObject({
    mode: z
      .enum(['embedded', 'external'])
      .default('embedded')
      .describe(
        '`embedded` runs a real PostgreSQL of its own under `dataDir`; `external` uses the server at `url`. Setting DATABASE_URL means `external`.',
      ),
    url: z
      .url({ protocol: /^postgres(?:ql)?$/, error: 'expected a URL that starts with postgres://' })
      .optional()
      .meta({ examples: ['postgres://iyi@db.internal:5432/iyi'] })
      .describe(
        'Address of the external server. A password never stands here: put it into `passwordFile`, or give the whole URL as DATABASE_URL.',
      ),
    passwordFile: z
      .string()
      .min(1)
      .optional()
      .meta({ examples: ['database.password'] })
      .describe('File that holds the password for `url`, readable by the node alone.'),
    port: port().default(5420).describe('TCP port of the embedded server, on loopback.'),
    schema: sqlName()
      .default('iyi')
      .describe(
        "Schema of the node's own tables. Several nodes share one server by giving each a schema of its own.",
      ),
  })
  .refine((value) => value.mode !== 'external' || value.url !== undefined, {
    path: ['url'],
    error: 'mode `external` needs the address of a server',
    params: { remedy: 'set DATABASE_URL, or choose mode `embedded`' },
  })
  .refine((value) => value.mode !== 'embedded' || value.url === undefined, {
    path: ['url'],
    error: 'mode `embedded` uses no url',
    params: { remedy: 'set database.mode to `external`, or remove the url' },
  })
  .refine((value) => value.mode !== 'embedded' || value.passwordFile === undefined, {
    path: ['passwordFile'],
    error: 'mode `embedded` makes its own password',
    params: { remedy: 'set database.mode to `external`, or remove the file' },
  })
  .prefault({})
  .describe('Where the node keeps what it must not lose.')

/** False when two entries share a value of `key`; entries that are not right yet do not count. */
function isUnique(list: readonly unknown[], key: string): boolean {
  const values = list
    .map((entry) => (typeof entry === 'object' && entry !== null ? Reflect.get(entry, key) : undefined))
    .filter((value) => value !== undefined)
  return new Set(values).size === values.length
}

const chains = z
  .array(chainSchema)
  .min(1, 'expected at least one chain')
  .refine((list) => isUnique(list, 'id'), {
    error: 'two chains have the same id',
    params: { remedy: 'remove one of them, or correct its id' },
    // Told together with the faults of single entries.
    when: ({ value }) => Array.isArray(value),
  })
  .refine((list) => isUnique(list, 'name'), {
    error: 'two chains have the same name',
    params: { remedy: 'give each chain a name of its own' },
    when: ({ value }) => Array.isArray(value),
  })
  .describe('The EVM chains that the node reads and writes.')

const contractAddress = () => z.string().regex(/^0x[0-9a-fA-F]{40}$/, 'expected 0x and 40 hexadecimal digits')

const watched = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,23}$/, 'expected 1 to 24 lower-case letters, digits and _, a letter first')
      .describe('Begins the names of its tables.'),
    chainId: z.int().positive().describe('One of `chains`.'),
    address: z
      .union([contractAddress(), z.array(contractAddress()).min(1)])
      .optional()
      .describe('Address of the contract, or of several of one kind.'),
    factory: z
      .strictObject({
        address: contractAddress().describe('The contract that makes them.'),
        abi: z.string().min(1).describe('File with its ABI.'),
        event: z.string().min(1).describe('The event by which it tells of a new one.'),
        parameter: z.string().min(1).describe('The input of that event which holds the new address.'),
      })
      .optional()
      .describe('In place of `address`: all contracts that another one makes.'),
    abi: z.string().min(1).describe('File with the ABI: a JSON array, or what a compiler wrote.'),
    events: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe('Only these events, by name or as `Transfer(address,uint256)`; all when absent.'),
    startBlock: z.int().min(0).default(0).describe('First block to index.'),
    eventLog: z
      .boolean()
      .default(false)
      .describe(
        "Puts its events into the node's event log too, as `custom.<name>.<Event>`: for `series`, and for plugins. A log of a pool or feed that a plugin follows keeps the name that it has there.",
      ),
  })
  .refine(({ address, factory }) => (address === undefined) !== (factory === undefined), {
    path: ['address'],
    error: 'a contract has either an address or a factory',
    params: { remedy: 'give one of the two' },
  })

const indexer = z
  .strictObject({
    mode: z
      .enum(['managed', 'external'])
      .default('managed')
      .describe(
        '`managed` runs the indexer as a child process; `external` reads the tables that another one keeps.',
      ),
    viewsSchema: sqlName()
      .default('iyi_index')
      .describe('PostgreSQL schema where the indexed tables are read.'),
    port: port().default(42_069).describe("TCP port of the managed indexer's own server, on loopback."),
    contracts: z
      .array(watched)
      .default([])
      .refine((list) => isUnique(list, 'name'), {
        error: 'two contracts have the same name',
        params: { remedy: 'give each a name of its own' },
        when: ({ value }) => Array.isArray(value),
      })
      .describe(
        'Contracts of your own to index: each event gets a table with typed columns, served under /v1/index. `iyi index add` writes an entry.',
      ),
  })
  .prefault({})
  .describe('The index of chain events.')

const network = z
  .strictObject({
    listen: z
      .array(
        z
          .string()
          .regex(new RegExp(`^/${tcpAddress}$`), 'expected a multiaddr such as /ip4/0.0.0.0/tcp/9420'),
      )
      .default(['/ip4/127.0.0.1/tcp/9420'])
      .describe(
        'Multiaddrs to listen on. Loopback by default: a validator that others shall reach takes /ip4/0.0.0.0/tcp/9420. Only validators of its duties and the peers below get past the handshake.',
      ),
    peers: z
      .array(
        z.string().regex(new RegExp(`^/${tcpAddress}/p2p/[A-Za-z0-9]+$`), {
          error: ({ input }) =>
            new RegExp(`^/${tcpAddress}/?(?:p2p/?)?$`).test(String(input))
              ? 'the peer id is missing: expected /p2p/ and the id of that node at the end'
              : 'expected a multiaddr with a peer id',
        }),
      )
      .default([])
      .meta({
        examples: [
          ['/dns4/node.example.org/tcp/9420/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'],
        ],
      })
      .describe(
        'Multiaddrs of the other nodes, each with its peer id, which `iyi keys list` and `GET /v1/node` of that node tell. There is no discovery: list them all.',
      ),
  })
  .prefault({})
  .describe('Connections among the nodes.')

const api = z
  .strictObject({
    host: host()
      .default('127.0.0.1')
      .describe('Address to listen on. 0.0.0.0 or :: opens the API to others.'),
    port: port().default(8420).describe('TCP port of the public API; 0 takes a free one.'),
    corsOrigins: z
      .array(origin)
      .default(['*'])
      .describe('Web origins whose pages may read the API; `*` means all of them.'),
    maxBodyBytes: z
      .int()
      .min(1_024)
      .max(104_857_600)
      .default(1_048_576)
      .describe('Largest request body, in bytes.'),
  })
  .prefault({})
  .describe('The public HTTP API.')

const admin = z
  .strictObject({
    host: host().default('127.0.0.1').describe('Address to listen on: loopback, unless `allowRemote`.'),
    port: port().default(8520).describe('TCP port of metrics and health; 0 takes a free one.'),
    allowRemote: z
      .boolean()
      .default(false)
      .describe(
        'Lets `host` be reachable from other machines. The admin server has no login: put a firewall before it.',
      ),
  })
  .refine((value) => value.allowRemote || isLoopback(value.host), {
    path: ['host'],
    error: 'the admin server would be reachable from other machines',
    params: { remedy: 'use 127.0.0.1, or set admin.allowRemote: true where a firewall protects it' },
  })
  .prefault({})
  .describe('Metrics, health and operation. Never on the public port.')

const keys = z
  .strictObject({
    dir: z.string().min(1).default('keys').describe("Folder of the node's encrypted keystores."),
    passwordFile: z
      .string()
      .min(1)
      .optional()
      .meta({ examples: ['keys/password'] })
      .describe(
        'File that holds the password of the keystores, readable by the node alone. Without it IYI_KEYS_PASSWORD is used, or the terminal is asked.',
      ),
  })
  .prefault({})
  .describe("The validator's keys. The password itself never stands in this file.")

const httpUrl = z.url({ protocol: /^https?$/, error: 'expected a URL that starts with http:// or https://' })

const inference = z
  .strictObject({
    manifest: z
      .string()
      .min(1)
      .default('builtin')
      .describe('Path of the model manifest; `builtin` is the one that came with the node.'),
    providers: z
      .array(z.enum(['cpu', 'webgpu', 'cuda']))
      .min(1, 'expected at least one provider')
      .default(['cpu'])
      .describe('ONNX Runtime execution providers, best first.'),
    threads: z.int().min(1).max(256).default(1).describe('CPU threads that one model run may use.'),
    workers: z
      .int()
      .min(1)
      .max(64)
      .default(1)
      .describe('Processes that run models, each with all of them: so many runs go on at once.'),
    memoryMb: z
      .int()
      .min(256)
      .max(1_048_576)
      .default(2_048)
      .describe('Mebibytes that one such process may take; at more it is ended, and started again.'),
    runTimeoutMs: z
      .int()
      .min(100)
      .max(600_000)
      .default(10_000)
      .describe('Milliseconds that one run may compute; at more its process is ended, and started again.'),
    deadlineMs: z
      .int()
      .min(10)
      .max(600_000)
      .default(5_000)
      .describe('Milliseconds in which a run must be answered, waiting included. A caller may ask for less.'),
    server: z
      .strictObject({
        url: httpUrl
          .optional()
          .meta({ examples: ['https://inference.internal'] })
          .describe('Address of the server: what stands above `v2/`. No server when absent.'),
        tokenFile: z
          .string()
          .min(1)
          .optional()
          .meta({ examples: ['keys/inference-token'] })
          .describe('File that holds a bearer token for it, readable by the node alone.'),
        timeoutMs: z
          .int()
          .min(100)
          .max(600_000)
          .default(5_000)
          .describe('Milliseconds in which it must answer.'),
        lanes: z.int().min(1).max(256).default(4).describe('Runs that it is asked for at once.'),
        models: z
          .record(
            z.string(),
            z.strictObject({
              name: z.string().min(1).max(255).describe('What the server calls it.'),
              version: z
                .string()
                .min(1)
                .max(64)
                .optional()
                .describe('Without one the server may change it under a running node.'),
            }),
          )
          .default({})
          .meta({ examples: [{ volatility: { name: 'volatility', version: '1' } }] })
          .describe(
            'The models that it runs, by the id in the manifest. It must have the very file that the manifest names.',
          ),
      })
      .prefault({})
      .describe(
        'An inference server that speaks the KServe v2 protocol, such as Triton. What it does not answer, `providers` run here.',
      ),
    batch: z
      .strictObject({
        maxRows: z
          .int()
          .min(1)
          .max(65_536)
          .default(1_024)
          .describe('Most rows that are put together of several runs; 1 puts none together.'),
        maxDelayMs: z
          .int()
          .min(0)
          .max(1_000)
          .default(0)
          .describe(
            'Milliseconds that a run waits for others while there is nothing else to do. Some help a GPU.',
          ),
      })
      .prefault({})
      .describe(
        'Runs of one model that wait at the same time become one. Duties always run alone: this is for plugins that ask for others.',
      ),
    cacheMb: z
      .int()
      .min(0)
      .max(65_536)
      .default(16)
      .describe('Mebibytes of answers that are kept, for the same model and input; 0 keeps none.'),
    selfTestMinutes: z
      .int()
      .min(1)
      .max(10_080)
      .default(60)
      .describe('How often each model is held against its own tests again. One that fails them is not run.'),
    candidates: candidatesSchema,
  })
  .prefault({})
  .describe('Running AI models.')

const content = z
  .strictObject({
    maxMb: z
      .int()
      .min(1)
      .max(1_048_576)
      .default(256)
      .describe('Mebibytes on disk that all of them together may take. What is needed least goes first.'),
    rateMb: z
      .int()
      .min(1)
      .max(1_024)
      .default(8)
      .describe(
        'Mebibytes per second that one validator is given; all together get at most four times that.',
      ),
    serveModels: z
      .boolean()
      .default(true)
      .describe('Lets other validators fetch the models that this node runs: `iyi model add peer:<digest>`.'),
  })
  .prefault({})
  .describe(
    'Contents that are named by their hash, such as inputs of requests: kept for the other validators.',
  )

const log = z
  .strictObject({
    level: z.enum(logLevels).default('info').describe('Least important level to log.'),
    format: z
      .enum(['json', 'pretty'])
      .default('json')
      .describe('`json` for machines, one object a line; `pretty` for people.'),
  })
  .prefault({})
  .describe('The log, on standard output.')

const plugin = z.strictObject({
  use: z
    .string()
    .min(1)
    .describe(
      'Id of a plugin that came with the node, a path that starts with `./`, or the name of an installed package.',
    ),
  grants: z
    .array(z.enum(capabilities))
    .default([])
    .describe(
      'What you let it do. `iyi config check` names each capability that is missing, and what it is for.',
    ),
  config: z
    .record(z.string(), z.unknown())
    .default({})
    .describe("The plugin's own settings, checked by the plugin's own schema."),
})

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
    database,
    chains,
    indexer,
    series: seriesSchema,
    network,
    api,
    admin,
    keys,
    inference,
    content,
    alerts: alertsSchema,
    log,
    outbox: outboxSchema,
    plugins: z.array(plugin).default([]).describe('The plugins that the node runs.'),
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
