import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Children } from './children.ts'
import { DevnetError } from './errors.ts'
import { jsonRpc, type Rpc } from './rpc.ts'

export interface AnvilChain {
  readonly id: number
  readonly name: string
  readonly url: string
  readonly rpc: Rpc
  readonly pid: number
}

/** The binary lies in a package of its own for each platform; the wrapper in between would be one more process. */
function anvilBinary(): string {
  const require = createRequire(import.meta.url)
  const platform =
    { linux: 'linux', darwin: 'darwin', win32: 'win32' }[process.platform as string] ?? process.platform
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  const manifest = require.resolve(`@foundry-rs/anvil-${platform}-${arch}/package.json`, {
    paths: [dirname(require.resolve('@foundry-rs/anvil/package.json'))],
  })
  return join(dirname(manifest), 'bin', process.platform === 'win32' ? 'anvil.exe' : 'anvil')
}

/**
 * Starts an Anvil chain whose first block is at `genesisTime`, so that a history can be written before the present.
 * It mines each transaction at once until `goLive` switches it to the clock. States of older blocks go to `stateDir`;
 * without that Anvil leaves them in the home folder.
 */
export async function startAnvil(
  options: { id: number; name: string; port: number; genesisTime: number; stateDir: string },
  modules: { children: Children },
): Promise<AnvilChain> {
  const child = modules.children.spawn(options.name, anvilBinary(), [
    '--host',
    '127.0.0.1',
    '--port',
    String(options.port),
    '--chain-id',
    String(options.id),
    '--timestamp',
    String(options.genesisTime),
    '--accounts',
    '2',
    '--cache-path',
    options.stateDir,
    '--silent',
  ])
  const url = `http://127.0.0.1:${options.port}`
  const rpc = jsonRpc(url)
  const deadline = Date.now() + 15_000
  for (;;) {
    try {
      const id = await rpc<string>('eth_chainId')
      if (Number(id) === options.id) break
      throw new DevnetError('DEVNET_PORT_TAKEN', `port ${options.port} answers as chain ${Number(id)}`)
    } catch (error) {
      if (child.ended !== undefined)
        throw new DevnetError(
          'DEVNET_PART_ENDED',
          `${options.name} ended at once (${child.ended}); see ${child.logFile}`,
        )
      if (Date.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  return { id: options.id, name: options.name, url, rpc, pid: child.pid }
}

/** From now on one block a second, at the machine's time. */
export async function goLive(chain: AnvilChain): Promise<void> {
  await chain.rpc('evm_setAutomine', [false])
  await chain.rpc('anvil_setTime', [Math.floor(Date.now() / 1000)])
  await chain.rpc('evm_setIntervalMining', [1])
}
