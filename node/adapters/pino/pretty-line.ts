const colours: Readonly<Record<string, number>> = { debug: 90, info: 32, warn: 33, error: 31 }
const hidden = new Set(['level', 'time', 'msg', 'module'])

/** One short line for people: `12:00:01.250 WARN  quorum  Drop the round  seqNr=7 reason="late"`; a stack follows, indented. */
export function prettyLine(json: string, colour: boolean): string {
  const entry = JSON.parse(json) as Record<string, unknown>
  const level = String(entry.level)
  const paint = (code: number | undefined, text: string) =>
    colour && code !== undefined ? `\u001b[${code}m${text}\u001b[0m` : text
  const head = [
    paint(90, String(entry.time).slice(11, 23)),
    paint(colours[level], level.toUpperCase().padEnd(5)),
    ...(entry.module === undefined ? [] : [paint(36, oneLine(String(entry.module)))]),
    oneLine(String(entry.msg ?? '')),
  ]
  const stacks: string[] = []
  const fields: string[] = []
  for (const [key, value] of Object.entries(entry)) {
    if (hidden.has(key)) continue
    if (isError(value)) {
      fields.push(
        `${key}=${JSON.stringify(value.message)}${value.code === undefined ? '' : ` code=${value.code}`}`,
      )
      stacks.push(String(value.stack))
    } else {
      fields.push(
        `${key}=${typeof value === 'string' && /^[\w.:/@-]+$/.test(value) ? value : JSON.stringify(value)}`,
      )
    }
  }
  const tail = fields.length === 0 ? '' : `  ${paint(90, fields.join(' '))}`
  const trace = stacks.map((stack) => `\n    ${stack.split('\n').slice(1).join('\n    ').trim()}`).join('')
  return `${head.join(' ')}${tail}${trace}\n`
}

/** A message can hold text from outside: no line breaks, no terminal escapes. */
function oneLine(text: string): string {
  return Array.from(text, (char) => (char < ' ' || (char >= '\u007f' && char <= '\u009f') ? ' ' : char)).join(
    '',
  )
}

function isError(value: unknown): value is { message: string; stack: unknown; code?: unknown } {
  return typeof value === 'object' && value !== null && 'stack' in value && 'message' in value
}
