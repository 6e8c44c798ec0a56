// `node scripts/mutants/histories.ts FROM COUNT`: plays histories of the simulation until one breaks a rule, and tells it
// in one line of JSON. What `npm run sim` does, but for whom the first violation is enough.
import { simulate } from '../../test/quorum/simulation/run.ts'
import { scenarioOf } from '../../test/quorum/simulation/scenario.ts'

const [from = 1, count = 1] = process.argv.slice(2).map(Number)
for (let seed = from; seed < from + count; seed++) {
  const { violation } = simulate(scenarioOf(seed))
  if (violation === null) continue
  process.stdout.write(`${JSON.stringify({ seed, ...violation })}\n`)
  process.exitCode = 1
  break
}
