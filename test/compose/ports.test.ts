import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { requireFreePorts } from '../../node/compose/ports.ts'
import { parseConfig } from '../../node/config/load.ts'

async function occupied(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
  })
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new TypeError('no address')
  return address.port
}

const configWith = (value: object) =>
  parseConfig({
    path: '/nowhere/iyi.yaml',
    value: {
      chains: [{ id: 1, name: 'one', rpc: ['http://127.0.0.1:1'] }],
      database: { port: 0 },
      indexer: { port: 0 },
      network: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      api: { port: 0 },
      admin: { port: 0 },
      ...value,
    },
  }).config

test('tells every taken port at once, by its key', async () => {
  const [api, peers] = [await occupied(), await occupied()]
  const config = configWith({
    api: { port: api },
    network: { listen: [`/ip4/127.0.0.1/tcp/${peers}`] },
  })
  await expect(requireFreePorts(config)).rejects.toMatchObject({
    code: 'NODE_PORTS_TAKEN',
    retry: false,
    data: {
      taken: [
        { key: 'network.listen', port: peers },
        { key: 'api.port', port: api },
      ],
    },
  })
})

test('ports of a database and an indexer that may be ending are left to these', async () => {
  await expect(
    requireFreePorts(
      configWith({ database: { port: await occupied() }, indexer: { port: await occupied() } }),
    ),
  ).resolves.toBeUndefined()
})

test('of a node that runs already all are named, the indexer’s too, and that it may run', async () => {
  const port = { database: { port: await occupied() }, indexer: { port: await occupied() } }
  const config = configWith({
    ...port,
    network: { listen: [`/ip4/127.0.0.1/tcp/${await occupied()}`] },
    api: { port: await occupied() },
    admin: { port: await occupied() },
  })
  const keys = ['database.port', 'indexer.port', 'network.listen', 'api.port', 'admin.port']
  await expect(requireFreePorts(config)).rejects.toMatchObject({
    code: 'NODE_PORTS_TAKEN',
    message: expect.stringContaining('it runs already'),
    data: { taken: keys.map((key) => expect.objectContaining({ key })) },
  })
})

test('free ports and port 0 are fine', async () => {
  await expect(requireFreePorts(configWith({}))).resolves.toBeUndefined()
})
