import { type DestinationStream, destination as fileDestination, type Logger as Pino, pino } from 'pino'
import { type Logger, type LogLevel as NamedLevel, logLevels as namedLevels } from '../../ports/log.ts'
import { prettyLine } from './pretty-line.ts'
import { redactFields, redactText } from './redact.ts'

/** Ascending; `silent`, for programs that only check, writes nothing. */
const logLevels = [...namedLevels, 'silent'] as const
export type LogLevel = NamedLevel | 'silent'

export interface LevelControl {
  level(): LogLevel
  /** Takes effect at once for this logger and every child of it. */
  setLevel(level: LogLevel): void
}

/**
 * Logger over pino. `json`: a JSON object a line, with an ISO time; `pretty`: short lines for people. Writes
 * synchronously, so that the last lines before a crash are there. Goes to stdout unless `destination` is given.
 * Secret-looking fields and credentials in texts never reach the output (see `redactFields`).
 */
export function pinoLogger(options: {
  level: LogLevel
  format: 'json' | 'pretty'
  destination?: { write(line: string): void }
}): Logger & LevelControl {
  const out = options.destination ?? fileDestination({ fd: 1, sync: true })
  const colour = options.destination === undefined && process.stdout.isTTY === true
  const sink: DestinationStream =
    options.format === 'json' ? out : { write: (line: string) => out.write(prettyLine(line, colour)) }
  const root = pino(
    {
      // Levels are filtered here: pino copies the level into each child, where a later change would not reach it.
      level: 'debug',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // `redactFields` made errors plain already.
      serializers: { err: (plain: unknown) => plain },
    },
    sink,
  )
  let threshold = logLevels.indexOf(options.level)
  return {
    ...wrap(root, (level) => logLevels.indexOf(level) >= threshold),
    level: () => logLevels[threshold] ?? 'silent',
    setLevel: (level) => {
      threshold = logLevels.indexOf(level)
    },
  }
}

function wrap(target: Pino, enabled: (level: LogLevel) => boolean): Logger {
  const write = (level: 'debug' | 'info' | 'warn' | 'error') => (fields: object, message: string) => {
    if (enabled(level)) target[level](redactFields(fields), redactText(message))
  }
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => wrap(target.child(redactFields(fields)), enabled),
  }
}
