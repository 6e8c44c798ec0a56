import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { customContracts } from '../../node/config/custom-contracts.ts'
import { loadConfig } from '../../node/config/load.ts'
import { customTables } from '../../node/ports/custom-tables.ts'
import { cliWorld } from './cli-world.ts'

const address = `0x${'Ab'.repeat(20)}`
const transfer = {
  type: 'event',
  name: 'Transfer',
  inputs: [
    { name: 'from', type: 'address', indexed: true },
    { name: 'value', type: 'uint256', indexed: false },
  ],
}

let directory: string
let config: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'iyi-cli-index-'))
  config = join(directory, 'iyi.yaml')
  writeFileSync(config, '# mine\nchains:\n  - { id: 1, name: one, rpc: [http://127.0.0.1:1] } # the one\n')
  mkdirSync(join(directory, 'abis'))
  writeFileSync(
    join(directory, 'abis', 'token.json'),
    JSON.stringify({ abi: [transfer, { type: 'error', name: 'X' }] }),
  )
})
afterEach(() => rmSync(directory, { recursive: true }))

const add = (...more: string[]) => addIn(cliWorld(), ...more)
const addIn = (world: ReturnType<typeof cliWorld>, ...more: string[]) => {
  const abi = join(directory, 'abis', 'token.json')
  const given = ['--config', config, '--chain', '1', '--abi', abi, '--name', 'token', ...more]
  return world
    .run('index', 'add', address, ...given)
    .then((code) => ({ code, out: world.out(), err: world.err() }))
}

it('writes a contract into the configuration, whose comments stay, and says where its rows will be', async () => {
  const { code, out } = await add('--start-block', '7')
  expect(code).toBe(0)
  expect(out).toBe('token: Transfer will be at /v1/index/token/Transfer\n')
  const text = readFileSync(config, 'utf8')
  expect(text).toContain('# mine')
  expect(text).toContain('# the one')
  const loaded = loadConfig({ path: config, env: {} }).config
  expect(customContracts(loaded, config)).toEqual([
    {
      ...{ name: 'token', chainId: 1, startBlock: 7, events: [transfer] },
      source: { addresses: [address.toLowerCase()] },
    },
  ])
  expect((await add()).err).toContain('two contracts have the same name')
  expect(readFileSync(config, 'utf8')).toBe(text)
})

it('tells at once when the newest logs do not fit the ABI, and writes the entry all the same', async () => {
  const first = { event: 'Transfer', error: 'the log has 3 indexed inputs' }
  const trials: string[] = []
  const world = cliWorld({
    tryAbi: async (_config, { name, source }) => {
      trials.push(`${name} ${JSON.stringify(source)}`)
      return { logs: 5, misfits: 4, first, codeless: [address] }
    },
  })
  const { code, err } = await addIn(world)
  expect(code).toBe(0)
  expect(err).toContain('4 of the newest 5 logs do not fit the ABI')
  expect(err).toContain(`there is no contract at ${address}`)
  expect(trials).toEqual([`token {"addresses":["${address.toLowerCase()}"]}`])
  expect(readFileSync(config, 'utf8')).toContain('name: token')
})

it('takes one of two events of a name by its inputs, and steps aside from names that are taken', async () => {
  const other = {
    ...transfer,
    inputs: [
      { name: 'operation', type: 'uint8' },
      { name: 'block_number', type: 'bool' },
    ],
  }
  writeFileSync(join(directory, 'abis', 'token.json'), JSON.stringify([transfer, other]))
  expect((await add()).err).toContain('list the one that you want with its inputs')
  expect((await add('--events', 'Transfer(uint8,bool)')).code).toBe(0)
  const [contract] = customContracts(loadConfig({ path: config, env: {} }).config, config)
  if (contract === undefined) throw new RangeError('no contract')
  const names = customTables(contract)[0]?.columns.map(({ name }) => name)
  expect(names).toEqual(expect.arrayContaining(['operationArg', 'block_numberArg']))
})

it.each([
  ['a chain that is not configured', ['--chain', '2'], 'chain 2 is not configured'],
  ['an event that the ABI lacks', ['--events', 'Nothing'], 'has no event Nothing; it has Transfer'],
  ['a name that makes no table', ['--name', 'My-Token'], 'lower-case letters'],
  ['a file that is not there', ['--abi', 'nowhere.json'], 'there is no such file'],
])('refuses %s, and changes nothing', async (_what, more, told) => {
  const before = readFileSync(config, 'utf8')
  const { code, err } = await add(...more)
  expect(code).toBe(1)
  expect(err).toContain(told)
  expect(readFileSync(config, 'utf8')).toBe(before)
})

it.each([
  ['no JSON', '{', 'it is not JSON'],
  ['no ABI', '{"a":1}', 'holds no ABI'],
  ['no event', '[]', 'its ABI has no event'],
  ['an event out of shape', '[{"type":"event","name":"A B","inputs":[]}]', 'not as ABIs have it'],
  [
    'two events of one table',
    JSON.stringify([transfer, { ...transfer, inputs: [] }]),
    'two events would share the table',
  ],
  [
    'two columns of one name',
    JSON.stringify([
      {
        ...transfer,
        inputs: [
          { name: 'aB', type: 'bool' },
          { name: 'a_b', type: 'bool' },
        ],
      },
    ]),
    'two columns would be called a_b',
  ],
  [
    'a name that would be SQL',
    JSON.stringify([{ ...transfer, inputs: [{ name: 'a"::text, (select 1)', type: 'bool' }] }]),
    "can't name a column",
  ],
  [
    'a dollar in a name',
    JSON.stringify([{ ...transfer, inputs: [{ name: 'a$$b', type: 'bool' }] }]),
    "can't name",
  ],
  [
    'a table of too long a name',
    JSON.stringify([{ ...transfer, name: 'T'.repeat(40) }]),
    'more than 45 characters',
  ],
  ['an event called setup', JSON.stringify([{ ...transfer, name: 'setup' }]), "can't be indexed"],
  ['an anonymous event', JSON.stringify([{ ...transfer, anonymous: true }]), 'anonymous'],
])('refuses an ABI with %s', async (_what, text, told) => {
  writeFileSync(join(directory, 'abis', 'token.json'), text)
  const { code, err } = await add()
  expect(code).toBe(1)
  expect(err).toContain(told)
})
