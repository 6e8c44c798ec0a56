import { expect, test } from 'vitest'
import { standingLine } from '../../node/devnet/readiness.ts'

test.each([
  [4, 3, { n: 4, quorum: 3 }, '3 of 4 validators run, and 3 are needed: the feeds go on'],
  [
    4,
    2,
    { n: 4, quorum: 3 },
    '2 of 4 validators run, and 3 are needed: the feeds stand still until 1 more runs',
  ],
  [
    7,
    3,
    { n: 7, quorum: 5 },
    '3 of 7 validators run, and 5 are needed: the feeds stand still until 2 more run',
  ],
  [4, 3, { n: 5, quorum: 4 }, '3 of these 4 validators run; the feeds have 5, and 4 are needed'],
  [4, 0, null, '0 of 4 validators run: the feeds stand still'],
])('of %i validators, when one ends, %i run, with %o', (own, running, duty, line) => {
  expect(standingLine({ own, running, duty })).toBe(line)
})
