import { posix } from 'node:path'

export interface Import {
  /** Path in the repository for a relative import, else the package or builtin as written. */
  readonly target: string
  readonly kind: 'static' | 'type' | 'dynamic'
}

/** Comments that begin a line; a comment after code can't look like an import. */
const COMMENTS = /^[ \t]*(?:\/\*[\s\S]*?\*\/|\/\/.*$)/gm
const FROM = /(?:^|[;}\n])\s*(?:import|export)\s+(type\s+)?(?:[\w$*{}\s,]+?)\s*from\s*['"]([^'"]+)['"]/g
const BARE = /(?:^|[;}\n])\s*import\s*['"]([^'"]+)['"]/g
/** Not `x.import(...)`, nor a method of that name: its parentheses are empty or hold typed parameters. */
const DYNAMIC = /(?<![.\w$])import\s*\((?!\s*(?:\)|\w+\??\s*:))\s*(?:['"]([^'"]+)['"])?/g

/** What a dynamic import of something other than a literal counts as. */
export const COMPUTED = '<computed>'

/** Every import of a TypeScript file at `path`. A statement whose names are all `type` counts as a type import. */
export function importsOf(path: string, source: string): readonly Import[] {
  const text = source.replaceAll(COMMENTS, '')
  const found: Import[] = []
  for (const match of text.matchAll(FROM)) {
    const names = /\{([\s\S]*)\}/
      .exec(match[0])?.[1]
      ?.split(',')
      .filter((name) => name.trim() !== '')
    const onlyTypes =
      names !== undefined && names.length > 0 && names.every((name) => /^\s*type\s/.test(name))
    found.push({
      target: resolve(path, match[2] ?? ''),
      kind: match[1] !== undefined || onlyTypes ? 'type' : 'static',
    })
  }
  for (const match of text.matchAll(BARE))
    found.push({ target: resolve(path, match[1] ?? ''), kind: 'static' })
  for (const match of text.matchAll(DYNAMIC)) {
    found.push({ target: match[1] === undefined ? COMPUTED : resolve(path, match[1]), kind: 'dynamic' })
  }
  return found
}

function resolve(path: string, specifier: string): string {
  return specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : specifier
}
