import type { BlockRef, ChainInfo, ChainReader } from '../../../node/ports/chain.ts'
import { blockSlots } from '../../../node/ports/index-tables.ts'
import type { Json } from '../../../node/ports/json.ts'
import { type MemoryIndex, memoryIndex } from '../../fakes/index-reader.ts'
import { eventRow, hash } from './chain-events.ts'

export interface ChainWorld {
  readonly index: MemoryIndex
  readonly chains: Pick<ChainReader, 'chains' | 'block' | 'finalized'>
  /** Adds a block with one event per name. */
  mine(chainId: number, ...names: readonly string[]): BlockRef
  /** Drops the newest `depth` blocks and mines these instead, each with its events. */
  reorg(chainId: number, depth: number, ...blocks: readonly (readonly string[])[]): void
  /** The newest block that the chain calls final; its head when absent. */
  finalize(chainId: number, number?: bigint): void
  /** What is on the chain: `block/name` of each event, oldest first. */
  events(chainId: number): readonly string[]
  /** While it is not, the index keeps what it has, whatever the chain does. */
  setIndexing(indexing: boolean): void
  /** Providers of that chain do not answer. */
  setAway(chainId: number, away: boolean): void
}

interface Block extends BlockRef {
  readonly names: readonly string[]
}

/** Chains in memory, and an index that follows them at once. */
export function chainWorld(
  infos: readonly ChainInfo[],
  data: (name: string, block: bigint) => Json = (name) => ({ of: name }),
): ChainWorld {
  const index = memoryIndex()
  const blocks = new Map<number, Block[]>()
  const finals = new Map<number, bigint>()
  const away = new Set<number>()
  let branches = 0
  let indexing = true
  const of = (chainId: number) => {
    const found = blocks.get(chainId)
    if (found === undefined) throw new TypeError(`no chain ${chainId}`)
    return found
  }
  const answering = (chainId: number) => {
    if (away.has(chainId)) throw new TypeError(`chain ${chainId} does not answer`)
    return of(chainId)
  }
  const follow = (chainId: number) => {
    if (!indexing) return
    const chain = of(chainId)
    index.remove('block', (row) => row.chainId === chainId)
    index.remove('event', (row) => row.chainId === chainId)
    for (const { number, hash: blockHash, parentHash, names } of chain) {
      const slot = Number(number % BigInt(blockSlots))
      index.add('block', { chainId, slot, number, hash: blockHash, parentHash, timestamp: number })
      names.forEach((name, logIndex) => {
        index.add('event', {
          ...eventRow({ chainId, block: number, logIndex }, name, data(name, number)),
          blockHash,
        })
      })
    }
    index.setHead(chainId, BigInt(chain.length - 1))
  }
  const append = (chainId: number, names: readonly string[]) => {
    const chain = of(chainId)
    const number = BigInt(chain.length)
    const block = {
      number,
      hash: hash(number, branches === 0 ? '' : `b${branches.toString(16).padStart(3, '0')}`),
      parentHash: chain.at(-1)?.hash ?? hash(0n),
      timestamp: Number(number),
      names,
    }
    chain.push(block)
    return block
  }
  for (const { id } of infos) {
    blocks.set(id, [])
    append(id, [])
    follow(id)
  }
  return {
    index,
    chains: {
      chains: () => infos,
      block: async (chainId, at) =>
        answering(chainId).find(({ number, hash: own }) => number === at || own === at) ?? null,
      finalized: async (chainId) => {
        const chain = answering(chainId)
        const final = chain[Number(finals.get(chainId) ?? 0n)] ?? chain.at(-1)
        if (final === undefined) throw new TypeError('no block')
        return final
      },
    },
    mine: (chainId, ...names) => {
      const block = append(chainId, names)
      follow(chainId)
      return block
    },
    reorg: (chainId, depth, ...added) => {
      of(chainId).splice(-depth)
      branches++
      for (const names of added) append(chainId, names)
      follow(chainId)
    },
    finalize: (chainId, number = BigInt(of(chainId).length - 1)) => void finals.set(chainId, number),
    events: (chainId) => of(chainId).flatMap(({ number, names }) => names.map((name) => `${number}/${name}`)),
    setIndexing: (value) => {
      indexing = value
      if (value) for (const { id } of infos) follow(id)
    },
    setAway: (chainId, value) => void (value ? away.add(chainId) : away.delete(chainId)),
  }
}
