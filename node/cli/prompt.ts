import { StringDecoder } from 'node:string_decoder'
import type { TextSink, TextSource } from './deps.ts'
import { CliError } from './errors.ts'

const ENTER = new Set(['\r', '\n'])
const INTERRUPT = '\u0003'
const END = '\u0004'
const ERASE = new Set(['\u007f', '\b'])

/** True when somebody can be asked. */
export function isTerminal(stdin: TextSource): boolean {
  return stdin.isTTY === true && stdin.setRawMode !== undefined
}

/**
 * Asks for a line that is not echoed. The question goes to `out`, so standard output stays clean for results. Rejects
 * with `CLI_INTERRUPTED` on Ctrl-C, Ctrl-D or a closed input.
 */
export async function askHidden(
  question: string,
  modules: { readonly stdin: TextSource; readonly out: TextSink },
): Promise<string> {
  const { stdin, out } = modules
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const interrupted = () =>
    reject(new CliError('CLI_INTERRUPTED', 'nothing was entered; nothing was changed'))
  // A character of several bytes may come in two chunks.
  const decoder = new StringDecoder('utf8')
  let line: string[] = []
  const onData = (chunk: Buffer | string) => {
    for (const character of typeof chunk === 'string' ? chunk : decoder.write(chunk)) {
      if (ENTER.has(character)) return resolve(line.join(''))
      if (character === INTERRUPT || character === END) return interrupted()
      if (ERASE.has(character)) line = line.slice(0, -1)
      else line.push(character)
    }
  }
  out.write(question)
  stdin.setRawMode?.(true)
  stdin.on('data', onData)
  stdin.on('end', interrupted)
  stdin.resume()
  try {
    return await promise
  } finally {
    stdin.off('data', onData)
    stdin.off('end', interrupted)
    stdin.setRawMode?.(false)
    stdin.pause()
    out.write('\n')
  }
}
