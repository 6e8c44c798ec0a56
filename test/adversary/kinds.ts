import { equivocating } from './kinds/equivocating.ts'
import { flood } from './kinds/flooding.ts'
import { forging } from './kinds/forging.ts'
import { lying } from './kinds/lying.ts'
import { replaying } from './kinds/replaying.ts'
import { silent } from './kinds/silent.ts'
import { withholding } from './kinds/withholding.ts'

/** What `--adversary` of the test build takes. */
export const adversaries = {
  silent,
  lying,
  equivocating,
  forging,
  /** As fast as it can. */
  flooding: flood(100, 1),
  withholding,
  replaying,
}

export type Kind = keyof typeof adversaries
export const kinds = Object.keys(adversaries) as readonly Kind[]

/** What the test build says, with the kind, when it changes. */
export const NOW = 'from now on'
