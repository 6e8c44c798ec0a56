import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { PROJECT_ROOT } from '../../scripts/artifacts.ts'
import { takePartInHistories, testStage } from '../../scripts/mutants/stages.ts'
import { listed, table, withTable } from '../../scripts/mutants/table.ts'
import { MUTANTS } from './mutants/list.ts'
import { mutant, mutated, StaleMutant } from './mutants/mutant.ts'

const source = (file: string) => readFileSync(join(PROJECT_ROOT, file), 'utf8')
const readme = source('node/quorum/README.md')

describe('the list of mutants', () => {
  it('has at least 25, each under a name of its own', () => {
    expect(MUTANTS.length).toBeGreaterThanOrEqual(25)
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length)
  })

  it.each(MUTANTS)('$name: changes today’s sources, into something that still parses', (each) => {
    const files = mutated(each, source)
    expect(files.size).toBeGreaterThan(0)
    for (const [file, text] of files) {
      expect(file).toMatch(/^(?:node|plugins)\/.*\.ts$/)
      expect(text).not.toBe(source(file))
      expect(() => stripTypeScriptTypes(text)).not.toThrow()
    }
    // Somebody could notice.
    const changed = [...files.keys()]
    expect(takePartInHistories(changed) || testStage(changed).size > 0).toBe(true)
  })

  it('is the one whose result stands in the README, without a survivor', () => {
    const rows = listed(source('node/quorum/README.md'))
    expect(rows.map(({ name }) => name)).toEqual(MUTANTS.map(({ name }) => name))
    expect(rows.filter(({ by }) => by.includes('survives'))).toEqual([])
  })
})

describe('a mutant', () => {
  const make = (find: string) => mutant('a bug', 'agreement', 'something is wrong', 'a.ts', find, 'c$&')

  it('changes the one place that it names', () => {
    expect(mutated(make('b'), () => 'a b a')).toEqual(new Map([['a.ts', 'a c$& a']]))
  })

  it.each(['x', 'a'])('is stale when that is nowhere or at two places: %s', (find) => {
    expect(() => mutated(make(find), () => 'a b a')).toThrow(StaleMutant)
  })
})

describe('the table', () => {
  const mutants = MUTANTS.slice(0, 2)
  const results = mutants.map(({ name }, i) => ({ name, killed: i === 0, by: 'a | b', ms: 1 }))

  it('comes back as it was written, in its place', () => {
    const written = withTable(readme, table(mutants, results, new Date(0)))
    expect(listed(written ?? '')).toEqual([
      { name: mutants[0]?.name, by: 'a | b' },
      { name: mutants[1]?.name, by: '**survives**: a | b' },
    ])
    expect(written?.slice(0, 500)).toBe(readme.slice(0, 500))
    expect(written?.slice(-18)).toBe(readme.slice(-18))
    expect(written).toContain('1970-01-01: 1 of 2')
  })

  it('is not written where there is no place for it', () => {
    expect(withTable('nothing', 'x')).toBeNull()
  })
})
