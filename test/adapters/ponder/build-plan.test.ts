import { describe, expect, it } from 'vitest'
import { planBuilds } from '../../../node/adapters/ponder/build-plan.ts'
import type { BuildState, IndexBuild } from '../../../node/ports/index-builds.ts'

const build = (schema: string, state: BuildState, liveAt: number | null = null): IndexBuild => ({
  ...{ schema, state, liveAt, createdAt: 0, progress: null, secondsLeft: null, note: null },
})

describe('what has to happen with the builds of an index', () => {
  it.each<[string, readonly IndexBuild[], ReturnType<typeof planBuilds>]>([
    ['the first one is made', [build('n', 'building')], { run: ['n'], next: 'n', drop: [] }],
    ['the live one goes on', [build('n', 'live', 1)], { run: ['n'], next: null, drop: [] }],
    [
      'another one is made beside it',
      [build('o', 'live', 1), build('n', 'building')],
      { run: ['o', 'n'], next: 'n', drop: [] },
    ],
    [
      'one is kept, the newest',
      [build('a', 'kept', 1), build('b', 'kept', 2), build('n', 'live', 3)],
      { run: ['n'], next: null, drop: ['a'] },
    ],
    [
      'one that is neither wanted nor live any more is dropped, however far it was',
      [build('x', 'building'), build('y', 'refused'), build('o', 'live', 1), build('n', 'building')],
      { run: ['o', 'n'], next: 'n', drop: ['x', 'y'] },
    ],
    [
      'ours is not made again after an operator went back from it',
      [build('o', 'live', 2), build('n', 'rolled-back', 1)],
      { run: ['o'], next: null, drop: [] },
    ],
    [
      'nor after it was refused',
      [build('o', 'live', 1), build('n', 'refused')],
      { run: ['o'], next: null, drop: [] },
    ],
    [
      'one that an operator went back from can be gone back to',
      [build('o', 'rolled-back', 1), build('n', 'live', 2)],
      { run: ['n'], next: null, drop: [] },
    ],
    [
      'also while another is made',
      [build('b', 'live', 3), build('a', 'rolled-back', 2), build('old', 'kept', 1), build('n', 'building')],
      { run: ['b', 'n'], next: 'n', drop: ['old'] },
    ],
  ])('%s', (_what, builds, plan) => {
    expect(planBuilds(builds, 'n')).toEqual(plan)
  })
})
