import { z } from 'zod'
import { isUnique, port, sqlName } from './schema-parts.ts'

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

/** The index, and the contracts of an operator's own. */
export const indexerSchema = z
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
