import type { Mutant } from '../../test/quorum/mutants/mutant.ts'
import type { Result } from './hunt.ts'

const BEGIN = '<!-- mutants: written by `npm run mutants -- --write` -->'
const END = '<!-- /mutants -->'

/** The list and what became of it, in Markdown. */
export function table(mutants: readonly Mutant[], results: readonly Result[], date: Date): string {
  const byName = new Map(results.map((result) => [result.name, result]))
  const killed = results.filter((result) => result.killed)
  const played = killed.filter(({ by }) => by.startsWith('simulation')).length
  const rows = mutants.map(({ name, what, breaks }) => {
    const result = byName.get(name)
    const by = result?.killed === true ? result.by : `**survives**: ${result?.by ?? 'not run'}`
    return `| ${[name, what, breaks, short(by)].map(cell).join(' | ')} |`
  })
  return [
    `${date.toISOString().slice(0, 10)}: ${killed.length} of ${mutants.length} mutants are killed, ${played} by the simulation and ${killed.length - played} by unit tests, whichever comes first.`,
    '',
    '| mutant | the bug | breaks | killed by |',
    '|---|---|---|---|',
    ...rows,
  ].join('\n')
}

/** Name and killer of each row of a document's table. */
export function listed(document: string): { readonly name: string; readonly by: string }[] {
  const place = document.slice(document.indexOf(BEGIN), document.indexOf(END))
  const rows = place.split('\n').filter((line) => line.startsWith('| '))
  return rows.slice(1).map((line) => {
    const cells = line.split(/(?<!\\)\|/).map((text) => text.trim().replaceAll('\\|', '|'))
    return { name: cells[1] ?? '', by: cells[4] ?? '' }
  })
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ')

function short(text: string): string {
  return text.length <= 160 ? text : `${text.slice(0, 157)}...`
}

/** The document with what stands between the two markers replaced; null when it has no such place. */
export function withTable(document: string, content: string): string | null {
  const [begin, end] = [document.indexOf(BEGIN), document.indexOf(END)]
  if (begin < 0 || end < begin) return null
  return `${document.slice(0, begin + BEGIN.length)}\n\n${content}\n\n${document.slice(end)}`
}
