/** One place of the sources that a mutant changes. */
export interface Edit {
  /** From the root of the repository. */
  readonly file: string
  /** The exact text, which must be there exactly once. */
  readonly find: string
  readonly replace: string
}

/** A deliberate bug. None may leave the behaviour as it is: what can't be noticed proves nothing about the tests. */
export interface Mutant {
  readonly name: string
  /** The bug, in a line. */
  readonly what: string
  /** What no longer holds with it. */
  readonly breaks:
    | 'agreement'
    | 'durability'
    | 'validity'
    | 'authenticity'
    | 'fair blame'
    | 'progress'
    | 'reports'
    | 'configuration'
    | 'bounds'
  readonly edits: readonly Edit[]
}

/** A bug at one place. */
export function mutant(
  name: string,
  breaks: Mutant['breaks'],
  what: string,
  file: string,
  find: string,
  replace: string,
): Mutant {
  return { name, breaks, what, edits: [{ file, find, replace }] }
}

/** The sources have moved on: the mutant no longer says what it changes. */
export class StaleMutant extends Error {}

/** The mutated files, by path. Throws `StaleMutant` when a text is not there exactly once. */
export function mutated({ name, edits }: Mutant, read: (file: string) => string): Map<string, string> {
  const out = new Map<string, string>()
  for (const { file, find, replace } of edits) {
    const source = out.get(file) ?? read(file)
    const count = source.split(find).length - 1
    if (count !== 1)
      throw new StaleMutant(
        `${name}: ${file} has the text to change ${count} times, not once; adapt the mutant to today's source:\n${find}`,
      )
    // A function, so that `$` in it means nothing.
    out.set(
      file,
      source.replace(find, () => replace),
    )
  }
  return out
}
