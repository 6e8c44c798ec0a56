// `node scripts/run.mjs <command> [args]`: what the npm scripts call. A command is a program below or a verb of the CLI.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { launch, root } from './bootstrap/launch.mjs'

const programs = {
  setup: [null],
  test: ['scripts/test.ts'],
  bench: ['scripts/bench/main.ts'],
  sim: ['scripts/sim.ts'],
  mutants: ['scripts/mutants.ts'],
  torture: ['scripts/torture/main.ts'],
  generate: ['scripts/generate.ts'],
  format: ['node_modules/@biomejs/biome/bin/biome', 'check', '--write'],
  vitest: ['node_modules/vitest/vitest.mjs', 'run'],
  'build:contracts': ['node_modules/hardhat/dist/src/cli.js', 'build'],
}

const [command = '--help', ...args] = process.argv.slice(2)
if (command === 'example') await example(args)
else {
  const [program, ...first] = programs[command] ?? ['node/main.ts', command]
  await launch(program, [...first, ...args])
}

/** `npm run example -- read-feed`: a program of docs/examples, whatever Node the machine has. */
async function example([name = '', ...rest]) {
  const folder = join('docs', 'examples')
  if (/^[a-z0-9-]+$/.test(name) && existsSync(join(root, folder, `${name}.ts`))) {
    await launch(join(folder, `${name}.ts`), rest)
    return
  }
  const names = readdirSync(join(root, folder))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -3))
  process.stderr.write(`no such example: ${name}; there are ${names.join(', ')}\n`)
  process.exitCode = 1
}
