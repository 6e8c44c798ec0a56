import { expect, test } from 'vitest'
import { standingLine } from '../../node/devnet/readiness.ts'

test.each([
  [{ n: 4, f: 1, running: 3 }, '3 of 4 validators run, and 3 are needed: the feeds go on'],
  [
    { n: 4, f: 1, running: 2 },
    '2 of 4 validators run, and 3 are needed: the feeds stand still until 1 more runs',
  ],
  [
    { n: 7, f: 2, running: 3 },
    '3 of 7 validators run, and 5 are needed: the feeds stand still until 2 more run',
  ],
  [{ n: 5, f: 1, running: 3 }, /^3 of 5 validators run, and 4 are needed: .* stand still/],
])('what is said of %o when a validator ends', (counts, line) => {
  expect(standingLine(counts)).toEqual(typeof line === 'string' ? line : expect.stringMatching(line))
})
