import type { Command } from 'commander'

/** The reference of a command line as Markdown, from its own help: the text of `docs/cli.md`. */
export function cliReference(program: Command): string {
  return [
    '# Command line',
    '',
    '<!-- Generated from node/cli/program.ts by scripts/generate-docs.ts. Do not edit. -->',
    '',
    'Exit codes: 0 done; 1 failed, and somebody has to change something first; 75 failed, and the same command may succeed',
    'later (`EX_TEMPFAIL`: let the supervisor start it again). Errors go to standard error as `error CODE: what to do`.',
    '',
    ...describe(program, []),
  ].join('\n')
}

function describe(command: Command, parents: readonly string[]): readonly string[] {
  const name = [...parents, command.name()]
  let help = ''
  // `outputHelp` and not `helpInformation`: only the first one holds what `addHelpText` added.
  const output = command.configureOutput()
  command.configureOutput({ ...output, writeOut: (text) => (help += text) })
  command.outputHelp()
  command.configureOutput(output)
  return [
    `## ${name.join(' ')}`,
    '',
    '```',
    help.trimEnd(),
    '```',
    '',
    ...command.commands.flatMap((child) => describe(child, name)),
  ]
}
