import { PassThrough } from 'node:stream'
import { expect, test, vi } from 'vitest'
import { progress } from '../../scripts/bootstrap/progress.mjs'

/** What was written, by a terminal or something else. */
function output(isTTY: boolean) {
  const stream = Object.assign(new PassThrough(), { isTTY })
  let text = ''
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  return { out: stream as unknown as NodeJS.WriteStream, text: () => text }
}

test('gives the result of the work through', async () => {
  const { out } = output(false)
  expect(await progress(out).step('count', async () => 42)).toBe(42)
})

test('in a log: plain lines, before and after', async () => {
  const { out, text } = output(false)
  await progress(out).step('install dependencies', async () => {
    expect(text()).toBe('install dependencies ...\n')
  })
  expect(text()).toBe('install dependencies ...\n  done in 0 s\n')
})

test('in a log: says that it goes on, now and then', async () => {
  vi.useFakeTimers()
  try {
    const { out, text } = output(false)
    const work = Promise.withResolvers<void>()
    const step = progress(out).step('install dependencies', () => work.promise)
    vi.advanceTimersByTime(46_000)
    work.resolve()
    await step
    expect(text().split('\n').slice(1, -1)).toEqual([
      '  install dependencies: 15 s so far',
      '  install dependencies: 30 s so far',
      '  install dependencies: 45 s so far',
      '  done in 46 s',
    ])
    expect(vi.getTimerCount()).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})

test('on a terminal: one line that is drawn again', async () => {
  const { out, text } = output(true)
  await progress(out).step('index', async () => {})
  expect(text().split('\n')).toHaveLength(2)
  expect(text()).toContain('- index (0 s)')
  expect(text()).toContain('✓ index (0 s)\n')
})

test('a failure goes through, with no tick beside it and no timer left', async () => {
  const { out, text } = output(true)
  const failure = new Error('no disk')
  await expect(progress(out).step('unpack', () => Promise.reject(failure))).rejects.toBe(failure)
  expect(text()).toContain('✗ unpack')
  expect(text()).not.toContain('✓')
})
