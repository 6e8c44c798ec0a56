// `npm run generate [-- --check]`: everything in the repository that is made from something else. With --check nothing is
// written, and a file that is out of date ends the run with 1.
import { spawnSync } from 'node:child_process'
import { PROJECT_ROOT } from './artifacts.ts'

const generators = [
  ['contracts/abi', 'scripts/generate-abi.ts'],
  ['docs/config.md, docs/cli.md', 'scripts/generate-docs.ts'],
  ['docs/licences.md', 'scripts/generate-licences.ts'],
  ['docs/openapi.json', 'scripts/generate-openapi.ts'],
  ['models/manifest.json', 'models/tools/manifest.ts'],
] as const

let failed = false
for (const [makes, program] of generators) {
  const { status } = spawnSync(process.execPath, [program, ...process.argv.slice(2)], {
    cwd: PROJECT_ROOT,
    stdio: 'inherit',
  })
  if (status !== 0) {
    failed = true
    process.stderr.write(
      `${makes}: ${program} ended with ${status}; run \`npm run generate\` and look at the difference\n`,
    )
  }
}
process.exit(failed ? 1 : 0)
