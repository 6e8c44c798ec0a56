import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Logger } from '../../ports/log.ts'

export interface LogLine {
  /** pino's: 10 trace, 20 debug, 30 info, 40 warn, 50 error. */
  readonly level: number
  readonly msg: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** Messages that come with every block. */
const chatter = new Set(['Indexed block', 'Indexed block range', 'Finalized block'])

/**
 * Forwards a child's output to the log line by line: Ponder's JSON as fields, anything else as text.
 *
 * @param fallbackLevel of a line that is no JSON
 * @param clean takes secrets out
 * @param seen is told of every line, clean
 */
export function forwardLines(
  stream: Readable,
  { fallbackLevel }: { readonly fallbackLevel: number },
  { log, clean, seen }: { log: Logger; clean: (value: unknown) => unknown; seen(line: LogLine): void },
): void {
  createInterface({ input: stream }).on('line', (text) => {
    if (text.trim() === '') return
    const line = parseLine(text, fallbackLevel, clean)
    seen(line)
    const write = writer(line, log)
    write(line.fields, line.msg)
  })
}

function writer({ level, msg }: LogLine, log: Logger): Logger['info'] {
  if (level >= 50) return (fields, message) => log.error(fields, message)
  if (level >= 40) return (fields, message) => log.warn(fields, message)
  if (level >= 30 && !chatter.has(msg)) return (fields, message) => log.info(fields, message)
  return (fields, message) => log.debug(fields, message)
}

function parseLine(text: string, fallbackLevel: number, clean: (value: unknown) => unknown): LogLine {
  const parsed = parseObject(text)
  if (parsed === null) return { level: fallbackLevel, msg: String(clean(text)), fields: {} }
  const { level, time: _, msg, error, ...fields } = parsed
  return {
    level: typeof level === 'number' ? level : fallbackLevel,
    msg: String(clean(msg)),
    fields: clean(error === undefined ? fields : { ...fields, err: error }) as LogLine['fields'],
  }
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}
