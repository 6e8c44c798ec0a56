// `node scripts/run.mjs <command> [args]`: what the npm scripts call. A command is a program below or a verb of the CLI.
import { launch } from './bootstrap/launch.mjs'

const programs = {
  test: 'scripts/test.ts',
  bench: 'scripts/bench/main.ts',
  generate: 'scripts/generate.ts',
}

const [command = '--help', ...args] = process.argv.slice(2)
const program = programs[command]
await (program === undefined ? launch('node/main.ts', [command, ...args]) : launch(program, args))
