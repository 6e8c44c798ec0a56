// `node scripts/run.mjs <command> [args]`: what the npm scripts call. A command is a program below or a verb of the CLI.
import { launch } from './bootstrap/launch.mjs'

const programs = {
  setup: [null],
  test: ['scripts/test.ts'],
  bench: ['scripts/bench/main.ts'],
  generate: ['scripts/generate.ts'],
  format: ['node_modules/@biomejs/biome/bin/biome', 'check', '--write'],
  vitest: ['node_modules/vitest/vitest.mjs', 'run'],
  'build:contracts': ['node_modules/hardhat/dist/src/cli.js', 'build'],
}

const [command = '--help', ...args] = process.argv.slice(2)
const [program, ...first] = programs[command] ?? ['node/main.ts', command]
await launch(program, [...first, ...args])
