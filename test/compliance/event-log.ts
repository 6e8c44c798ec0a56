import { expect, it } from 'vitest'
import { type ChainEvent, type EventLog, type From, type Stage, stages } from '../../node/ports/events.ts'
import { until } from '../adapters/postgres/support.ts'

export interface EventLogSubject {
  readonly log: EventLog
  /** Makes one confirmed event per name, on chain 1, in this order. */
  emit(...names: readonly string[]): Promise<void>
  /** Adds a block to a chain, 1 when absent, with one event per name; it is seen, no more. */
  mine(names: readonly string[], chainId?: number): Promise<void>
  /** What is seen on chain 1 becomes confirmed. */
  confirm(): Promise<void>
  /** What is confirmed on chain 1 becomes final. */
  finalize(): Promise<void>
  /** Drops the newest `depth` blocks of chain 1. */
  drop(depth: number): Promise<void>
  /** The dead letters of a consumer are delivered again. */
  retry(consumer: string): Promise<void>
  replay(consumer: string, fromBlock: bigint): Promise<void>
}

const names = (events: readonly ChainEvent[]) => events.map(({ name }) => name)

/** What every `EventLog` does. */
export function eventLogCompliance(make: () => Promise<EventLogSubject>): void {
  it('delivers past and coming events of the wanted names, in order', async () => {
    const { log, emit } = await make()
    await emit('a', 'b', 'c')
    const seen: ChainEvent[] = []
    const subscription = await log.subscribe(
      { consumer: 'c1', names: ['a', 'c'], from: 'start', stage: 'confirmed' },
      async (event) => {
        seen.push(event)
      },
    )
    await emit('c', 'b', 'a')
    await until(() => seen.length === 4)
    expect(names(seen)).toEqual(['a', 'c', 'c', 'a'])
    const numbers = seen.map(({ seq }) => seq)
    expect(numbers).toEqual(numbers.toSorted((x, y) => (x < y ? -1 : 1)))
    await subscription.close()
  })

  it('begins a new consumer at the end when asked to', async () => {
    const { log, emit } = await make()
    await emit('a', 'a')
    await until(async () => (await log.read({ after: 0n, limit: 10 })).length === 2)
    const seen: ChainEvent[] = []
    const subscription = await log.subscribe(
      { consumer: 'late', names: ['a', 'z'], from: 'now', stage: 'confirmed' },
      async (event) => {
        seen.push(event)
      },
    )
    await emit('z')
    await until(() => seen.length === 1)
    expect(names(seen)).toEqual(['z'])
    await subscription.close()
  })

  it('goes on from the cursor after a close, whatever `from` says then', async () => {
    const { log, emit } = await make()
    const seen: string[] = []
    const handler = async ({ name }: ChainEvent) => {
      seen.push(name)
    }
    const first = await log.subscribe(
      { consumer: 'c', names: ['a', 'b', 'c'], from: 'start', stage: 'confirmed' },
      handler,
    )
    await emit('a')
    await until(() => seen.length === 1)
    await first.close()
    await emit('b')
    const second = await log.subscribe(
      { consumer: 'c', names: ['a', 'b', 'c'], from: 'now', stage: 'confirmed' },
      handler,
    )
    await emit('c')
    await until(() => seen.length === 3)
    expect(seen).toEqual(['a', 'b', 'c'])
    await second.close()
  })

  it('repeats an event whose handler rejects, and lets none pass it', async () => {
    const { log, emit } = await make()
    const seen: string[] = []
    let failures = 2
    const subscription = await log.subscribe(
      { consumer: 'c', names: ['a', 'b'], from: 'start', stage: 'confirmed' },
      async ({ name }) => {
        seen.push(name)
        if (name === 'a' && failures-- > 0) throw new TypeError('not yet')
      },
    )
    await emit('a', 'b')
    await until(() => seen.includes('b'))
    expect(seen).toEqual(['a', 'a', 'a', 'b'])
    await subscription.close()
  })

  it('holds one consumer back without holding another', async () => {
    const { log, emit } = await make()
    const seen: string[] = []
    const stuck = await log.subscribe(
      { consumer: 'stuck', names: ['a'], from: 'start', stage: 'confirmed' },
      () => Promise.reject(new TypeError('never')),
    )
    const free = await log.subscribe(
      { consumer: 'free', names: ['a'], from: 'start', stage: 'confirmed' },
      async ({ name }) => {
        seen.push(name)
      },
    )
    await emit('a', 'a')
    await until(() => seen.length === 2)
    await Promise.all([stuck.close(), free.close()])
  })

  it('waits in close for the handler in flight, and delivers nothing after', async () => {
    const { log, emit } = await make()
    let finish = () => {}
    let calls = 0
    const subscription = await log.subscribe(
      { consumer: 'c', names: ['a'], from: 'start', stage: 'confirmed' },
      () => {
        calls++
        return new Promise<void>((done) => {
          finish = done
        })
      },
    )
    await emit('a', 'a')
    await until(() => calls === 1)
    let closed = false
    const closing = subscription.close().then(() => {
      closed = true
    })
    expect(closed).toBe(false)
    finish()
    await closing
    expect(calls).toBe(1)
  })

  it('refuses a second subscription of a consumer', async () => {
    const { log } = await make()
    const options = { consumer: 'c', names: ['a'], from: 'start', stage: 'confirmed' } as const
    const subscription = await log.subscribe(options, async () => {})
    await expect(log.subscribe(options, async () => {})).rejects.toMatchObject({
      code: 'EVENTS_CONSUMER_BUSY',
    })
    await subscription.close()
    const again = await log.subscribe(options, async () => {})
    await again.close()
  })

  it('reads past events by cursor, name and limit', async () => {
    const { log, emit } = await make()
    await emit('a', 'b', 'a', 'a')
    await until(async () => (await log.read({ after: 0n, limit: 10 })).length === 4)
    const [first] = await log.read({ after: 0n, limit: 1 })
    expect(first).toMatchObject({ name: 'a', chainId: 1 })
    const rest = await log.read({ after: first?.seq ?? 0n, names: ['a'], limit: 1_000 })
    expect(names(rest)).toEqual(['a', 'a'])
    await expect(log.read({ after: 0n, limit: 0 })).rejects.toMatchObject({ code: 'EVENTS_BAD_OPTIONS' })
    await expect(log.read({ after: 0n, limit: 1_001 })).rejects.toMatchObject({ code: 'EVENTS_BAD_OPTIONS' })
  })

  const told = ({ name, stage }: ChainEvent) => `${name} ${stage}`
  const follow = async (log: EventLog, consumer: string, stage: Stage, from: From = 'start') => {
    const seen: ChainEvent[] = []
    const subscription = await log.subscribe(
      { consumer, names: ['a', 'b', 'c', 'd'], from, stage },
      async (event) => void seen.push(event),
    )
    return {
      seen,
      heard: () => seen.map(told),
      reached: () => subscription.reached(1),
      close: () => subscription.close(),
    }
  }

  it('tells each consumer of the stage that it asked for', async () => {
    const { log, mine, confirm, finalize } = await make()
    const followers = await Promise.all(stages.map((stage) => follow(log, `at-${stage}`, stage)))
    const heard = () => followers.map((follower) => follower.heard())
    await mine(['a', 'b'])
    await until(() => followers[0]?.seen.length === 2)
    expect(heard()).toEqual([['a seen', 'b seen'], [], []])
    await confirm()
    await until(() => followers[1]?.seen.length === 2)
    expect(heard()).toEqual([['a seen', 'b seen'], ['a confirmed', 'b confirmed'], []])
    await finalize()
    await until(() => followers[2]?.seen.length === 2)
    expect(heard()).toEqual([
      ['a seen', 'b seen'],
      ['a confirmed', 'b confirmed'],
      ['a final', 'b final'],
    ])
    const keys = followers.flatMap(({ seen }) => seen.map(({ key }) => key))
    expect(new Set(keys).size).toBe(6)
    const [first] = followers[0]?.seen ?? []
    expect(first?.key).toBe(`1-${first?.blockHash}-${first?.logIndex}-seen`)
    await Promise.all(followers.map(({ close }) => close()))
  })

  it('takes back what a reorganisation dropped, newest first, from those alone who heard it', async () => {
    const { log, mine, confirm, drop } = await make()
    const seen = await follow(log, 'at-seen', 'seen')
    const confirmed = await follow(log, 'at-confirmed', 'confirmed')
    await mine(['a'])
    await confirm()
    await until(() => confirmed.seen.length === 1)
    await mine(['b', 'c'])
    await until(() => seen.seen.length === 3)
    await drop(1)
    await mine(['c'])
    await until(() => seen.seen.length === 6)
    expect(seen.heard()).toEqual(['a seen', 'b seen', 'c seen', 'c reverted', 'b reverted', 'c seen'])
    await mine(['d'])
    await confirm()
    await until(() => confirmed.seen.length === 3)
    expect(confirmed.heard()).toEqual(['a confirmed', 'c confirmed', 'd confirmed'])
    await Promise.all([seen.close(), confirmed.close()])
  })

  it('says up to which block a consumer was told everything, and not while it is being told', async () => {
    const { log, mine, drop } = await make()
    const { promise: held, resolve: release } = Promise.withResolvers<void>()
    let told = 0
    const subscription = await log.subscribe(
      { consumer: 'c', names: ['a'], from: 'start', stage: 'seen' },
      async () => {
        told += 1
        if (told === 2) await held
      },
    )
    const reached = async () => subscription.reached(1)
    await mine(['a'])
    await until(async () => told === 1 && (await reached()) !== null)
    const first = (await reached()) ?? -1n
    await mine(['a'])
    await until(() => told === 2)
    expect(await reached()).toBeNull()
    release()
    await until(async () => (await reached()) === first + 1n)
    await drop(1)
    await until(async () => told === 3 && (await reached()) !== null)
    expect(await subscription.reached(999)).toBeNull()
    await subscription.close()
  })

  it('gives the same key to a second delivery, and no other event', async () => {
    const { log, mine, drop } = await make()
    const keys: string[] = []
    let failures = 1
    const subscription = await log.subscribe(
      { consumer: 'c', names: ['a'], from: 'start', stage: 'seen' },
      async ({ key }) => {
        keys.push(key)
        if (failures-- > 0) throw new TypeError('not yet')
      },
    )
    await mine(['a'])
    await until(() => keys.length === 2)
    expect(keys[0]).toBe(keys[1])
    await drop(1)
    await mine(['a'])
    await until(() => keys.length === 4)
    expect(new Set(keys).size).toBe(3)
    await subscription.close()
  })

  it('begins a new consumer at a block', async () => {
    const { log, mine } = await make()
    const all = await follow(log, 'all', 'seen')
    for (const name of ['a', 'b', 'c']) await mine([name])
    await until(() => all.seen.length === 3)
    const late = await follow(log, 'late', 'seen', { 1: all.seen[1]?.blockNumber ?? 0n })
    await until(() => late.seen.length === 2)
    expect(late.heard()).toEqual(['b seen', 'c seen'])
    await Promise.all([all.close(), late.close()])
  })

  it('sets an event aside that keeps failing, goes on, and delivers it again on request', async () => {
    const { log, emit, retry } = await make()
    let broken = true
    const seen: string[] = []
    const subscription = await log.subscribe(
      { consumer: 'c', names: ['a', 'b'], from: 'start', stage: 'confirmed' },
      async ({ name }) => {
        if (name === 'a' && broken) throw new TypeError('broken')
        seen.push(name)
      },
    )
    await emit('a', 'b')
    await until(() => seen.length === 1)
    expect(seen).toEqual(['b'])
    // Still broken: it stays where it is.
    await retry('c')
    await emit('b')
    await until(() => seen.length === 2)
    broken = false
    await retry('c')
    await until(() => seen.length === 3)
    expect(seen).toEqual(['b', 'b', 'a'])
    await subscription.close()
  })

  it('reaches no further than an event that was set aside, until that was handled or dropped', async () => {
    const { log, mine, drop, retry } = await make()
    let broken = true
    const seen: bigint[] = []
    const subscription = await log.subscribe(
      { consumer: 'c', names: ['a', 'b'], from: 'start', stage: 'seen' },
      async ({ name, blockNumber }) => {
        if (name === 'a' && broken) throw new TypeError('broken')
        seen.push(blockNumber)
      },
    )
    const reached = () => subscription.reached(1)
    await mine(['b'])
    await until(() => seen.length === 1)
    const [first = -1n] = seen
    await mine(['a'])
    await mine(['b'])
    await until(() => seen.length === 2)
    await until(async () => (await reached()) !== null)
    expect(await reached()).toBe(first)
    broken = false
    await retry('c')
    await until(async () => (await reached()) === first + 2n)
    // What failed and is not in the chain any more is not missing.
    broken = true
    await mine(['a', 'b'])
    await until(() => seen.length === 4)
    await until(async () => (await reached()) === first + 2n)
    broken = false
    await drop(1)
    await mine(['b'])
    await until(() => seen.length === 7)
    await until(async () => (await reached()) === seen[6])
    expect(seen[6]).toBeGreaterThan(first + 2n)
    await subscription.close()
  })

  it('lets a dead letter go whose event was reverted', async () => {
    const { log, mine, drop, retry } = await make()
    let broken = true
    const heard: string[] = []
    const subscription = await log.subscribe(
      { consumer: 'c', names: ['a', 'b'], from: 'start', stage: 'seen' },
      async (event) => {
        if (event.name === 'a' && broken) throw new TypeError('broken')
        heard.push(told(event))
      },
    )
    await mine(['a', 'b'])
    await until(() => heard.length === 1)
    broken = false
    await drop(1)
    await mine(['b'])
    await until(() => heard.length === 4)
    await retry('c').catch(() => {})
    await mine(['b'])
    await until(() => heard.length === 5)
    expect(heard).toEqual(['b seen', 'b reverted', 'a reverted', 'b seen', 'b seen'])
    await subscription.close()
  })

  it('replays from a block while it runs', async () => {
    const { log, mine, replay } = await make()
    const { seen, heard, close } = await follow(log, 'c', 'seen')
    for (const name of ['a', 'b', 'c']) await mine([name])
    await until(() => seen.length === 3)
    await replay('c', seen[1]?.blockNumber ?? 0n)
    await until(() => seen.length === 5)
    expect(heard()).toEqual(['a seen', 'b seen', 'c seen', 'b seen', 'c seen'])
    expect(seen[3]?.key).toBe(seen[1]?.key)
    await close()
  })

  it('delivers a chain while a handler of another does not end', async () => {
    const { log, mine } = await make()
    const seen: number[] = []
    const stuck = Promise.withResolvers<void>()
    const subscription = await log.subscribe(
      { consumer: 'c', names: ['a'], from: 'start', stage: 'seen' },
      ({ chainId }) => {
        seen.push(chainId)
        return chainId === 1 ? stuck.promise : Promise.resolve()
      },
    )
    await mine(['a'])
    await until(() => seen.includes(1))
    for (let at = 0; at < 3; at++) await mine(['a'], 2)
    await until(() => seen.length === 4)
    stuck.resolve()
    await subscription.close()
  })
}
