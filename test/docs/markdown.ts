const FENCE = /^ *(`{3,}|~{3,})[^\n]*\n[\s\S]*?^ *\1 *$/gm
const INLINE_CODE = /`[^`\n]*`/g
const LINK = /\[[^\]\n]*\]\(([^()\s]+)(?:\s+"[^"]*")?\)/g
const QUOTE = /<!-- from: (\S+) -->\s*\n```\w*\n([\s\S]*?)\n```/g

/** Targets of the links and images of a page that are not to the web, in order; code is no prose. */
export function linksOf(text: string): readonly string[] {
  const prose = text.replaceAll(FENCE, '').replaceAll(INLINE_CODE, '')
  return [...prose.matchAll(LINK)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target))
}

/** The anchors of a page's headings, as GitHub makes them: a repeated one gets a number. */
export function anchorsOf(text: string): readonly string[] {
  const seen = new Map<string, number>()
  return [...text.replaceAll(FENCE, '').matchAll(/^#{1,6} +(.+?) *#*$/gm)].map(([, heading = '']) => {
    const anchor = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-')
    const times = seen.get(anchor) ?? 0
    seen.set(anchor, times + 1)
    return times === 0 ? anchor : `${anchor}-${times}`
  })
}

/** npm scripts, steps of `npm test --` and programs of the repository that a page names, code included. */
export function commandsOf(text: string): {
  readonly scripts: readonly string[]
  readonly testSteps: readonly string[]
  readonly programs: readonly string[]
} {
  const all = (pattern: RegExp) => [...text.matchAll(pattern)].map(([, found = '']) => found)
  return {
    scripts: [
      ...all(/\bnpm run (?:-s |--silent )?([\w:-]+)/g),
      ...(/\bnpm start\b/.test(text) ? ['start'] : []),
    ],
    testSteps: all(/\bnpm test -- ([a-z]+(?: [a-z]+)*)/g).flatMap((names) => names.split(' ')),
    programs: all(/\bnode ((?:docs|models|node|scripts|test)\/[\w./-]+\.(?:ts|mjs))\b/g),
  }
}

/** Code after `<!-- from: path -->`: lines that stand together in that file. */
export function quotesOf(text: string): readonly { readonly path: string; readonly code: string }[] {
  return [...text.matchAll(QUOTE)].map(([, path = '', code = '']) => ({ path, code }))
}
