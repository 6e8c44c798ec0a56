import { type ChildProcess, spawn } from 'node:child_process'
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import type { Address, Hex } from '../../../node/ports/chain.ts'

export const CHAIN_ID = 31_337
/** The first accounts of Anvil's default mnemonic: public test keys. */
export const KEYS: readonly Hex[] = [
  '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
]
export const ACCOUNTS: readonly Address[] = [
  '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266',
  '0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
]

/** Small contracts, in bytecode. */
export const CODE = {
  /** Returns its calldata. */
  echo: '0x366000600037366000f3',
  /** Reverts with its calldata. */
  revert: '0x366000600037366000fd',
  /** Logs its calldata under the topic 0x2a. */
  log: '0x366000600037602a366000a100',
  /** Reverts once its first storage slot is set. */
  fuse: '0x600054600757005b60006000fd',
} as const

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

export interface Anvil {
  readonly url: string
  readonly port: number
  rpc<T = unknown>(method: string, ...params: unknown[]): Promise<T>
  stop(): Promise<void>
}

/** Starts a chain on loopback. */
export async function anvil(
  options: { port?: number; chainId?: number; args?: readonly string[] } = {},
): Promise<Anvil> {
  const port = options.port ?? (await freePort())
  const args = [
    '--silent',
    '--host',
    '127.0.0.1',
    '--port',
    String(port),
    '--chain-id',
    String(options.chainId ?? CHAIN_ID),
  ]
  const child = spawn(anvilPath(), [...args, ...(options.args ?? [])], { stdio: 'ignore' })
  const url = `http://127.0.0.1:${port}`
  const rpc = async <T>(method: string, ...params: unknown[]): Promise<T> => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const headers = { 'content-type': 'application/json' }
    const answer = (await (await fetch(url, { method: 'POST', headers, body })).json()) as {
      result: T
      error?: { message: string }
    }
    if (answer.error !== undefined) throw new Error(answer.error.message)
    return answer.result
  }
  await up(child, () => rpc('eth_chainId'))
  return { url, port, rpc, stop: () => stopped(child) }
}

function anvilPath(): string {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  const name = `@foundry-rs/anvil-${process.platform}-${arch}/package.json`
  const root = createRequire(createRequire(import.meta.url).resolve('@foundry-rs/anvil/package.json'))
  return join(dirname(root.resolve(name)), 'bin', process.platform === 'win32' ? 'anvil.exe' : 'anvil')
}

async function up(child: ChildProcess, probe: () => Promise<unknown>): Promise<void> {
  const start = performance.now()
  for (;;) {
    if (child.exitCode !== null) throw new Error(`anvil ended with ${child.exitCode}`)
    try {
      await probe()
      return
    } catch (error) {
      if (performance.now() - start > 15_000) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}

export interface FakeRpc {
  readonly url: string
  readonly calls: string[]
  stop(): Promise<void>
}

/** A provider that answers each method as told; `chainId` is answered rightly unless told otherwise. */
export async function fakeRpc(
  answer: (method: string, params: readonly unknown[], response: ServerResponse) => unknown,
): Promise<FakeRpc> {
  const calls: string[] = []
  const server: Server = createHttpServer((request, response) => {
    void read(request).then(async (text) => {
      const { id, method, params } = JSON.parse(text) as { id: number; method: string; params: unknown[] }
      calls.push(method)
      const result = await answer(method, params, response)
      if (result === HANDLED) return
      const body =
        result instanceof RpcError
          ? { error: { code: result.code, message: result.message, data: result.data } }
          : { result }
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ jsonrpc: '2.0', id, ...body }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/v3/SECRETAPIKEY`,
    calls,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The answer was written by the test itself. */
export const HANDLED = Symbol('handled')

export class RpcError {
  readonly code: number
  readonly message: string
  readonly data: unknown
  constructor(code: number, message: string, data?: unknown) {
    this.code = code
    this.message = message
    this.data = data
  }
}

async function read(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}
