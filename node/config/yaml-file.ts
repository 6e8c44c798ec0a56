import { type Document, parseDocument, visit } from 'yaml'
import type { ConfigFault } from './errors.ts'

/**
 * Parses YAML 1.2 with two guards for what stands in such a file: `0x...` stays text (an address is no number), and a
 * whole number that JavaScript would round is a fault. Duplicate keys are faults too. Never throws.
 */
export function parseYaml(text: string): {
  readonly value: unknown
  readonly faults: readonly ConfigFault[]
} {
  const document = parseDocument(text, { prettyErrors: true })
  const faults: ConfigFault[] = document.errors.map((error) => ({
    path: '',
    from: 'file',
    // The first line says what and where; the rest quotes the file, which may hold something private.
    message: (error.message.split('\n')[0] ?? '').replace(/:$/, ''),
    remedy: 'correct the YAML at that line',
  }))
  if (faults.length > 0) return { value: null, faults }
  guardNumbers(document, faults)
  try {
    return { value: document.toJS(), faults }
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    return { value: null, faults: [{ path: '', from: 'file', message, remedy: 'use fewer YAML aliases' }] }
  }
}

function guardNumbers(document: Document.Parsed, faults: ConfigFault[]): void {
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value !== 'number' || typeof node.source !== 'string') return
      if (/^0x/i.test(node.source)) node.value = node.source
      else if (Number.isInteger(node.value) && !Number.isSafeInteger(node.value)) {
        faults.push({
          path: '',
          from: 'file',
          message: `the number ${node.source} is too large to be kept exactly`,
          remedy: `write it in quotes: "${node.source}"`,
        })
      }
    },
  })
}
