import { EventLogError } from '../../node/adapters/postgres/errors.ts'
import { type ChainEvent, type EventLog, type Stage, stages } from '../../node/ports/events.ts'

type Log = Omit<ChainEvent, 'seq' | 'stage' | 'key'>

export interface MemoryEventLog extends EventLog {
  /** Adds events that are final at once; numbers are given in this order. */
  emit(...events: readonly Log[]): void
  /** Brings an event to a stage, or takes it back. */
  tell(event: Log, stage: Stage | 'reverted'): void
  /** Delivers the dead letters of a consumer again. */
  retry(consumer: string): void
  /** Sets a consumer's cursor back to the first notice of a block from `fromBlock` on. */
  replay(consumer: string, chainId: number, fromBlock: bigint): void
}

interface Notice {
  readonly seq: bigint
  readonly event: Log
  readonly before: number
  readonly after: number
}

/** One consumer on one chain. */
interface Cursor {
  seq: bigint
  epoch: number
  readonly dead: Set<Notice>
  readonly retry: Set<Notice>
  wake(): void
}

const attempts = 4
const levelOf = (stage: Stage | 'reverted') => (stage === 'reverted' ? 0 : stages.indexOf(stage) + 1)
const placeOf = ({ chainId, blockHash, logIndex }: Log) => `${chainId}-${blockHash}-${logIndex}`
const turn = () => new Promise((done) => setImmediate(done))

/** `EventLog` in memory, over these chains. A handler that rejects is called again in the next turn of the event loop, four times in all. */
export function memoryEventLog(chains: readonly number[] = [1, 2, 31_337, 31_338]): MemoryEventLog {
  const notices: Notice[] = []
  const levels = new Map<string, number>()
  const lives = new Map<string, number>()
  const cursors = new Map<string, Map<number, Cursor>>()
  const active = new Set<string>()

  const tell = (event: Log, after: number) => {
    const place = placeOf(event)
    const before = levels.get(place) ?? 0
    if (before === 0) lives.set(place, (lives.get(place) ?? 0) + 1)
    levels.set(place, after)
    notices.push({ seq: BigInt(notices.length + 1), event, before, after })
    for (const own of cursors.values()) for (const cursor of own.values()) cursor.wake()
  }
  const crosses = ({ before, after }: Notice, level: number) => before < level !== after < level
  const eventOf = ({ seq, event, after }: Notice, stage: Stage): ChainEvent => {
    const told = after < levelOf(stage) ? 'reverted' : stage
    const life = lives.get(placeOf(event)) ?? 1
    return structuredClone({
      ...event,
      seq,
      stage: told,
      key: `${placeOf(event)}-${told}${life > 1 ? `-${life}` : ''}`,
    })
  }

  return {
    emit: (...added) => {
      for (const event of added) tell(event, 3)
    },
    tell: (event, stage) => tell(event, levelOf(stage)),
    retry: (consumer) => {
      for (const cursor of cursors.get(consumer)?.values() ?? []) {
        for (const notice of cursor.dead) cursor.retry.add(notice)
        cursor.wake()
      }
    },
    replay: (consumer, chainId, fromBlock) => {
      const cursor = cursors.get(consumer)?.get(chainId)
      const first = notices.find(({ event }) => event.chainId === chainId && event.blockNumber >= fromBlock)
      if (cursor === undefined || first === undefined) return
      cursor.seq = first.seq - 1n
      cursor.epoch++
      cursor.wake()
    },
    subscribe: async ({ consumer, names, from, stage }, handler) => {
      if (consumer === '' || names.length === 0)
        throw new EventLogError('EVENTS_BAD_OPTIONS', 'bad', { data: {} })
      if (active.has(consumer))
        throw new EventLogError('EVENTS_CONSUMER_BUSY', 'busy', { data: { consumer } })
      const own = cursors.get(consumer) ?? new Map<number, Cursor>()
      cursors.set(consumer, own)
      active.add(consumer)
      const begin = from === 'now' && own.size === 0 ? BigInt(notices.length) : 0n
      const level = levelOf(stage)
      const wanted: readonly string[] = names
      const handle = handler as (event: ChainEvent) => Promise<void>
      let closed = false
      const run = async (chainId: number, cursor: Cursor) => {
        while (!closed) {
          for (const notice of cursor.retry) {
            cursor.retry.delete(notice)
            const dropped = notice.after > 0 && levels.get(placeOf(notice.event)) === 0
            const done =
              dropped ||
              (await handle(eventOf(notice, stage)).then(
                () => true,
                () => false,
              ))
            if (done) cursor.dead.delete(notice)
          }
          const { epoch } = cursor
          const next = notices.find(
            (notice) =>
              notice.seq > cursor.seq &&
              notice.event.chainId === chainId &&
              wanted.includes(notice.event.name) &&
              crosses(notice, level) &&
              (typeof from !== 'object' || notice.event.blockNumber >= (from[chainId] ?? 0n)),
          )
          if (next === undefined) {
            await new Promise<void>((done) => {
              cursor.wake = done
            })
            continue
          }
          let tries = 0
          let done = false
          while (!done && !closed && tries++ < attempts) {
            done = await handle(eventOf(next, stage)).then(
              () => true,
              () => false,
            )
            if (!done) await turn()
          }
          if (!done && closed) return
          if (!done) cursor.dead.add(next)
          if (cursor.epoch === epoch) cursor.seq = next.seq
        }
      }
      const loops: Promise<void>[] = []
      for (const chainId of chains) {
        const cursor = own.get(chainId) ?? {
          seq: begin,
          epoch: 0,
          dead: new Set(),
          retry: new Set(),
          wake: () => {},
        }
        own.set(chainId, cursor)
        loops.push(run(chainId, cursor))
      }
      return {
        reached: async (chainId) => {
          const cursor = own.get(chainId)
          if (cursor === undefined) return null
          const chainOf = notices.filter(({ event }) => event.chainId === chainId)
          const isBehind = chainOf.some(
            (notice) =>
              notice.seq > cursor.seq && wanted.includes(notice.event.name) && crosses(notice, level),
          )
          const blocks = chainOf
            .filter(({ event }) => (levels.get(placeOf(event)) ?? 0) >= level)
            .map(({ event }) => event.blockNumber)
          if (isBehind) return null
          const lost = [...cursor.dead]
            .filter(({ event, after }) => levels.get(placeOf(event)) !== 0 || after === 0)
            .map(({ event }) => event.blockNumber - 1n)
          const most = blocks.reduce<bigint | null>((a, b) => (a === null || b > a ? b : a), null)
          return lost.reduce((a, b) => (a === null || b < a ? b : a), most)
        },
        close: async () => {
          closed = true
          for (const cursor of own.values()) cursor.wake()
          await Promise.all(loops)
          active.delete(consumer)
        },
      }
    },
    read: async ({ after, names, stage = 'confirmed', limit }) => {
      if (!Number.isInteger(limit) || limit < 1 || limit > 1_000) {
        throw new EventLogError('EVENTS_BAD_OPTIONS', 'bad limit', { data: { limit } })
      }
      return notices
        .filter(
          (notice) =>
            notice.seq > after &&
            crosses(notice, levelOf(stage)) &&
            (names === undefined || names.includes(notice.event.name)),
        )
        .slice(0, limit)
        .map((notice) => eventOf(notice, stage))
    },
  }
}
