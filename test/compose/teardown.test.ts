import { expect, test } from 'vitest'
import { Teardown } from '../../node/compose/teardown.ts'

function recording() {
  const faults: string[] = []
  return { faults, onFault: (name: string) => void faults.push(name) }
}

test('closes in reverse order, one after the other', async () => {
  const teardown = new Teardown()
  const steps: string[] = []
  for (const name of ['database', 'index', 'api'])
    teardown.add(name, async () => {
      steps.push(`${name} closes`)
      await new Promise((resolve) => setImmediate(resolve))
      steps.push(`${name} is closed`)
    })
  const { faults, onFault } = recording()
  await teardown.run({ timeoutMs: 1_000, onFault })
  expect(steps).toEqual(
    ['api', 'index', 'database'].flatMap((name) => [`${name} closes`, `${name} is closed`]),
  )
  expect(faults).toEqual([])
})

test('a part that fails, at once or later, does not keep the others from closing', async () => {
  const teardown = new Teardown()
  let closed = false
  teardown.add('database', () => {
    closed = true
  })
  teardown.add('index', async () => Promise.reject(new Error('rejects')))
  teardown.add('api', () => {
    throw new Error('throws')
  })
  const { faults, onFault } = recording()
  await teardown.run({ timeoutMs: 1_000, onFault })
  expect(faults).toEqual(['api', 'index'])
  expect(closed).toBe(true)
})

test('a part that never ends is named and left behind; those after it still get time', async () => {
  const teardown = new Teardown()
  let closed = false
  teardown.add('database', async () => {
    await new Promise((resolve) => setTimeout(resolve, 50))
    closed = true
  })
  teardown.add('hangs', () => new Promise(() => {}))
  const { faults, onFault } = recording()
  const began = performance.now()
  await teardown.run({ timeoutMs: 600, onFault })
  expect(faults).toEqual(['hangs'])
  expect(closed).toBe(true)
  expect(performance.now() - began).toBeLessThan(5_000)
})

test('what a part adds while the rest closes is closed too, and nothing is closed twice', async () => {
  const teardown = new Teardown()
  const closed: string[] = []
  teardown.add('first', () => {
    closed.push('first')
    teardown.add('late', () => closed.push('late'))
  })
  const { onFault } = recording()
  await teardown.run({ timeoutMs: 1_000, onFault })
  await teardown.run({ timeoutMs: 1_000, onFault })
  expect(closed).toEqual(['first', 'late'])
})
