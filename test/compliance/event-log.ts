import { expect, it } from 'vitest'
import type { ChainEvent, EventLog } from '../../node/ports/events.ts'
import { until } from '../adapters/postgres/support.ts'

export interface EventLogSubject {
  readonly log: EventLog
  /** Makes one confirmed event per name, on chain 1, in this order. */
  emit(...names: readonly string[]): Promise<void>
}

const names = (events: readonly ChainEvent[]) => events.map(({ name }) => name)

/** What every `EventLog` does. */
export function eventLogCompliance(make: () => Promise<EventLogSubject>): void {
  it('delivers past and coming events of the wanted names, in order', async () => {
    const { log, emit } = await make()
    await emit('a', 'b', 'c')
    const seen: ChainEvent[] = []
    const subscription = await log.subscribe(
      { consumer: 'c1', names: ['a', 'c'], from: 'start' },
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
      { consumer: 'late', names: ['a', 'z'], from: 'now' },
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
    const first = await log.subscribe({ consumer: 'c', names: ['a', 'b', 'c'], from: 'start' }, handler)
    await emit('a')
    await until(() => seen.length === 1)
    await first.close()
    await emit('b')
    const second = await log.subscribe({ consumer: 'c', names: ['a', 'b', 'c'], from: 'now' }, handler)
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
      { consumer: 'c', names: ['a', 'b'], from: 'start' },
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
    const stuck = await log.subscribe({ consumer: 'stuck', names: ['a'], from: 'start' }, () =>
      Promise.reject(new TypeError('never')),
    )
    const free = await log.subscribe({ consumer: 'free', names: ['a'], from: 'start' }, async ({ name }) => {
      seen.push(name)
    })
    await emit('a', 'a')
    await until(() => seen.length === 2)
    await Promise.all([stuck.close(), free.close()])
  })

  it('waits in close for the handler in flight, and delivers nothing after', async () => {
    const { log, emit } = await make()
    let finish = () => {}
    let calls = 0
    const subscription = await log.subscribe({ consumer: 'c', names: ['a'], from: 'start' }, () => {
      calls++
      return new Promise<void>((done) => {
        finish = done
      })
    })
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
    const options = { consumer: 'c', names: ['a'], from: 'start' } as const
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
}
