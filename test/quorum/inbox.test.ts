import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Inbox } from '../../node/quorum/inbox.ts'
import type { Input } from '../../node/quorum/machine/effects.ts'

const TURN = 64
const WAITING = 256
const MIB = 1024 * 1024

function inboxOf(options: { maxMessageBytes?: number; onStep?: (input: Input) => void } = {}) {
  const steps: Input[] = []
  const drops: number[] = []
  const turns: (() => void)[] = []
  const inbox = new Inbox(
    { maxMessageBytes: options.maxMessageBytes ?? MIB },
    {
      step: (input) => {
        steps.push(input)
        options.onStep?.(input)
      },
      later: (run) => void turns.push(run),
      onDrop: (from) => void drops.push(from),
    },
  )
  /** The next turn of the event loop. */
  const turn = () => {
    for (const run of turns.splice(0)) run()
  }
  return { inbox, steps, drops, turn, turns }
}

const message = (from: number, size = 1): Input => ({ type: 'message', from, bytes: new Uint8Array(size) })
const timer: Input = { type: 'timer', timer: 'round' }
const senders = (steps: readonly Input[]) =>
  steps.map((step) => (step.type === 'message' ? step.from : 'own'))

describe('Inbox', () => {
  it('hands over at once what comes at an ordinary pace, in order', () => {
    const { inbox, steps, turn } = inboxOf()
    inbox.open()
    for (let n = 0; n < 10; n++) {
      for (let from = 0; from < 5; from++) inbox.add(message(from))
      expect(steps).toHaveLength(5 * (n + 1))
      turn()
    }
    inbox.add(timer)
    expect(senders(steps).slice(-6)).toEqual([0, 1, 2, 3, 4, 'own'])
  })

  it('keeps what comes before it is open', () => {
    const { inbox, steps } = inboxOf()
    inbox.add(message(1))
    inbox.add(timer)
    expect(steps).toEqual([])
    inbox.open()
    expect(senders(steps)).toEqual(['own', 1])
  })

  it('serves the others next, and own inputs at once, while one floods', () => {
    const { inbox, steps, turn } = inboxOf()
    inbox.open()
    for (let n = 0; n < 200; n++) inbox.add(message(0))
    expect(steps).toHaveLength(TURN)
    inbox.add(timer)
    expect(senders(steps).at(-1)).toBe('own')
    inbox.add(message(1))
    inbox.add(message(2))
    inbox.add(message(1))
    steps.length = 0
    turn()
    expect(senders(steps).slice(0, 6)).toEqual([0, 1, 2, 0, 1, 0])
    expect(steps).toHaveLength(TURN)
    turn()
    turn()
    expect(steps).toHaveLength(200 - TURN + 3)
  })

  it('bounds what waits of a peer by number, and drops of that peer alone, oldest first', () => {
    const { inbox, steps, drops, turn } = inboxOf()
    inbox.open()
    inbox.add(message(3))
    for (let n = 0; n < 1_000; n++) inbox.add(message(0, n + 1))
    inbox.add(message(1))
    const lost = 1_000 - (TURN - 1) - WAITING
    expect(drops).toEqual(new Array(lost).fill(0))
    for (let n = 0; n < 10; n++) turn()
    const sizes = steps.flatMap((step) =>
      step.type === 'message' && step.from === 0 ? [step.bytes.length] : [],
    )
    expect(sizes.slice(TURN - 1)).toEqual(Array.from({ length: WAITING }, (_, n) => 1_000 - WAITING + n + 1))
    expect(senders(steps)).toContain(1)
  })

  it('bounds it in bytes, and always has room for the largest message', () => {
    const { inbox, steps, drops, turn } = inboxOf({ maxMessageBytes: 2 * MIB })
    inbox.open()
    // The first fills the turn.
    for (let n = 0; n < 5; n++) inbox.add(message(0, 2 * MIB))
    expect(drops).toHaveLength(3)
    expect(steps).toHaveLength(1)
    turn()
    expect(steps).toHaveLength(2)
  })

  it('takes inputs that a step adds after that step', () => {
    const order: string[] = []
    const made = inboxOf({
      onStep: (input) => {
        order.push(`begin ${input.type}`)
        if (input.type === 'message') made.inbox.add(timer)
        order.push(`end ${input.type}`)
      },
    })
    made.inbox.open()
    made.inbox.add(message(0))
    expect(order).toEqual(['begin message', 'end message', 'begin timer', 'end timer'])
  })

  it('forgets what waits, and asks for no turn when nothing does', () => {
    const { inbox, steps, turn, turns } = inboxOf()
    inbox.open()
    for (let n = 0; n < 100; n++) inbox.add(message(0))
    inbox.clear()
    steps.length = 0
    turn()
    expect(steps).toEqual([])
    expect(turns).toEqual([])
  })

  it('loses nothing of the others whatever one sends', () => {
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.record({ from: fc.constant(0), size: fc.integer({ min: 1, max: 5_000 }) }) },
      { weight: 1, arbitrary: fc.record({ from: fc.integer({ min: 1, max: 3 }), size: fc.constant(1) }) },
      { weight: 1, arbitrary: fc.constant('turn' as const) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600 }), (events) => {
        const { inbox, steps, drops, turn } = inboxOf()
        inbox.open()
        let honest = 0
        for (const event of events) {
          if (event === 'turn') turn()
          else {
            inbox.add(message(event.from, event.size))
            if (event.from !== 0) honest++
          }
        }
        for (let n = 0; n < 20; n++) turn()
        expect(senders(steps).filter((from) => from !== 0)).toHaveLength(honest)
        expect(drops.every((from) => from === 0)).toBe(true)
      }),
    )
  })
})
