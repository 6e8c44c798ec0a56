import { keccak256, numberToHex, toHex } from 'viem'
import { onTestFinished } from 'vitest'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { pluginStore } from '../../../node/adapters/postgres/store.ts'
import type { Transfer } from '../../../node/features/transfer.ts'
import type { Capabilities } from '../../../node/ports/capabilities.ts'
import type { Hex } from '../../../node/ports/chain.ts'
import type { Clock } from '../../../node/ports/clock.ts'
import type { ChainEvent, EventLog } from '../../../node/ports/events.ts'
import type { Inference } from '../../../node/ports/inference.ts'
import type { Json } from '../../../node/ports/json.ts'
import { featuresConfig } from '../../../plugins/features/config.ts'
import { type FeaturesContext, setup } from '../../../plugins/features/plugin.ts'
import { serve } from '../../adapters/hono/fixture.ts'
import type { TestPostgres } from '../../adapters/postgres/support.ts'
import { memoryChain } from '../../fakes/chain-reader.ts'
import { memoryEventLog } from '../../fakes/event-log.ts'
import { recordingLogger, recordingMetrics } from '../../fakes/host-modules.ts'
import { memoryIndex } from '../../fakes/index-reader.ts'
import { scriptedInference } from '../../fakes/inference.ts'

export const CHAIN = 1
export const TOKEN = `0x${'70'.repeat(20)}` as const
export const ORIGIN = 1_700_000_000
export const address = (name: number | string): Hex => `0x${keccak256(toHex(String(name))).slice(2, 42)}`

type Told = Omit<ChainEvent, 'seq' | 'stage' | 'key'>

/** The log of a transfer, as the event log tells it; `branch` makes another block of its height. */
export function told(
  transfer: Transfer,
  { branch = '', contract = 'coin', data }: { branch?: string; contract?: string; data?: Json } = {},
): Told {
  const { block, logIndex, timestamp, token, from, to, value } = transfer
  return {
    name: `custom.${contract}.Transfer`,
    chainId: CHAIN,
    blockNumber: block,
    blockHash: keccak256(toHex(`${block}${branch}`)),
    logIndex,
    transactionHash: keccak256(toHex(`${block}${branch}:${logIndex}`)),
    timestamp: BigInt(timestamp),
    address: token,
    data: data === undefined ? { from, to, value: value.toString() } : data,
  }
}

/** A transfer in block `block`, ten seconds a block. */
export function transfer(block: number, change: Partial<Transfer> = {}): Transfer {
  const from = address('alice')
  const rest = { logIndex: 0, token: TOKEN, from, to: address('bob'), value: 1_000n, ...change }
  return { block: BigInt(block), timestamp: ORIGIN + block * 10, ...rest }
}

export interface TransferBody {
  readonly transactionHash: Hex
  readonly logIndex: number
  readonly blockNumber: string
  readonly value: string
  readonly features: { readonly version: number; readonly values: Readonly<Record<string, number>> }
  readonly score: { readonly value: number; readonly model: string; readonly digest: Hex } | null
}
export interface Answer<T> {
  readonly status: number
  readonly body: { readonly code?: string; readonly data: T; readonly nextCursor?: string | null }
}

let schemas = 0

/** The plugin behind the real gateway, on PostgreSQL; what it stored stays when it is stopped and served again. */
export async function featureWorld(postgres: TestPostgres) {
  const database = await postgres.database(`features_${++schemas}`)
  const events = memoryEventLog()
  const store = pluginStore({ plugin: 'features' }, { database })
  const chain = memoryChain([{ id: CHAIN, confirmations: 1 }], ORIGIN)
  const index = memoryIndex()
  index.setHead(CHAIN, 50n)
  const ofModel = scriptedInference(keccak256(numberToHex(7)))

  async function run(
    config: object = { tokens: [{ contract: 'coin' }] },
    given: { inference?: Inference; events?: EventLog; clock?: Clock } = {},
  ) {
    let running: ReturnType<typeof setup> | undefined
    const log = recordingLogger()
    const served = await serve((door) => {
      const granted: Partial<Capabilities> = {
        'chain.read': chain,
        'index.read': index,
        events,
        store,
        inference: ofModel,
        'http.routes': door.routes({ id: 'features', roots: ['/v1/features'] }),
        ...(given.events === undefined ? {} : { events: given.events }),
        ...(given.inference === undefined ? {} : { inference: given.inference }),
      }
      const context = {
        id: 'features',
        config: featuresConfig.parse(config),
        can: (name: keyof Capabilities) => granted[name],
        clock: given.clock ?? systemClock,
        log,
        metrics: recordingMetrics(),
      }
      running = setup(context as unknown as FeaturesContext)
    })
    if (running === undefined) throw new TypeError('the plugin was not set up')
    const { start, stop, api, health } = running
    await start?.()
    let stopped: Promise<void> | undefined
    const end = () => {
      stopped ??= stop?.(AbortSignal.abort())
      return stopped
    }
    onTestFinished(async () => end())
    const get = async <T = TransferBody>(path: string): Promise<Answer<T>> => {
      const response = await fetch(`${served.url}${path}`)
      return { status: response.status, body: (await response.json()) as Answer<T>['body'] }
    }
    const one = (of: Transfer, branch = '') => {
      const { transactionHash, logIndex } = told(of, { branch })
      return get(`/v1/features/transfers/${CHAIN}/${transactionHash}/${logIndex}`)
    }
    return { ...served, api, health: () => health?.(), get, one, end, log }
  }
  return { database, events, store, chain, index, inference: ofModel, run }
}
