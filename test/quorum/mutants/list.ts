import { AGREEMENT } from './agreement.ts'
import { EPOCHS } from './epochs.ts'
import type { Mutant } from './mutant.ts'
import { NODE } from './node.ts'
import { STATEMENTS } from './statements.ts'

/** Every bug that the tests must notice, in the order of the table in the engine's README. */
export const MUTANTS: readonly Mutant[] = [...AGREEMENT, ...EPOCHS, ...STATEMENTS, ...NODE]
