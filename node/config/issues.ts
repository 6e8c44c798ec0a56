import type { z } from 'zod'
import { capabilityCatalogue } from '../ports/capabilities.ts'
import type { ConfigFault } from './errors.ts'
import { nearest } from './nearest.ts'
import { type Shape, shapeAt } from './shape.ts'
import { pathText, valueAt } from './tree.ts'

type Issue = z.core.$ZodIssue

const SECRET = /password|passphrase|secret|private|mnemonic|seed/i

/** Puts a schema's issue into the operator's words. `sources`: which environment variable set which key. */
export function faultsOf(
  issue: Issue,
  root: unknown,
  sources: ReadonlyMap<string, string>,
): readonly ConfigFault[] {
  const path = issue.path.filter((key) => typeof key !== 'symbol')
  const shape = shapeAt(path)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: pathText([...path, key]),
      from: 'file',
      message: 'unknown key',
      remedy: unknownKeyRemedy(key, Object.keys(shape?.properties ?? {})),
    }))
  }
  const value = valueAt(root, path)
  return [
    {
      path: pathText(path),
      from: sourceOf(path, sources),
      message: value === undefined && issue.code !== 'custom' ? 'is missing' : lowerFirst(issue.message),
      // An entry of a list has no description of its own: the list's says what it is for.
      remedy: remedyOf(issue, shape?.description === undefined ? shapeAt(path.slice(0, -1)) : shape, value),
    },
  ]
}

function remedyOf(issue: Issue, shape: Shape | null, value: unknown): string {
  if (issue.code === 'custom' && typeof issue.params?.remedy === 'string') return issue.params.remedy
  if (issue.code === 'invalid_value') {
    const known = issue.values.map(String)
    const close = typeof value === 'string' ? nearest(value, known) : null
    const meant = known.every((name) => Object.hasOwn(capabilityCatalogue, name))
      ? 'the capabilities are'
      : 'use one of'
    return close === null ? `${meant}: ${known.join(', ')}` : `did you mean "${close}"?`
  }
  // An empty list, the default of some, shows nobody what an entry looks like.
  const isEmpty = Array.isArray(shape?.default) && shape.default.length === 0
  const example = (isEmpty ? undefined : shape?.default) ?? shape?.examples?.[0]
  const hint = example === undefined ? '' : ` For example: ${JSON.stringify(example)}`
  return shape?.description === undefined ? `correct the value.${hint}` : `${shape.description}${hint}`
}

function unknownKeyRemedy(key: string, known: readonly string[]): string {
  const close = nearest(key, known)
  if (close !== null) return `did you mean "${close}"?`
  if (SECRET.test(key)) return 'secrets never stand in this file: use keys.passwordFile, or IYI_KEYS_PASSWORD'
  return known.length === 0 ? 'remove it' : `remove it; the keys here are: ${known.join(', ')}`
}

function sourceOf(path: readonly (string | number)[], sources: ReadonlyMap<string, string>): string {
  for (let length = path.length; length > 0; length--) {
    const source = sources.get(pathText(path.slice(0, length)))
    if (source !== undefined) return source
  }
  return 'file'
}

function lowerFirst(text: string): string {
  return text.replace(/^Invalid input: /, '').replace(/^[A-Z](?=[a-z ])/, (letter) => letter.toLowerCase())
}
