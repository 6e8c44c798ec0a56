import { decodeEventLog, type AbiEvent as ViemEvent } from 'viem'
import type { ChainLog, Hex } from '../ports/chain.ts'
import type { AbiEvent, AbiInput } from '../ports/custom-tables.ts'

/** Types whose every value is one word that always decodes. */
const ONE_WORD = /^(address|u?int\d*|bytes([1-9]|[12]\d|3[0-2]))$/

/**
 * Tells whether logs fit an event as its ABI has it, as the indexer decodes them: a topic for each indexed input, and data
 * that hold all others. What is there beyond that is no fault.
 *
 * @returns what does not fit, for people; null when the log decodes
 */
export function fitsEvent(event: AbiEvent): (log: Pick<ChainLog, 'topics' | 'data'>) => string | null {
  const indexed = event.inputs.filter((input) => input.indexed === true)
  const others = event.inputs.filter((input) => input.indexed !== true)
  const isPlain = [...indexed, ...others].every(({ type }) => ONE_WORD.test(type))
  return ({ topics, data }) => {
    const words = (data.length - 2) / 64
    // Most logs are decided here, without decoding them.
    if (isPlain && topics.length > indexed.length && words >= others.length) return null
    try {
      decodeEventLog({
        abi: [event as unknown as ViemEvent],
        topics: [...topics] as [Hex, ...Hex[]],
        data,
        strict: true,
      })
      return null
    } catch (error) {
      return reasonOf(topics.length - 1, indexed, error)
    }
  }
}

function reasonOf(has: number, indexed: readonly AbiInput[], error: unknown): string {
  if (has !== indexed.length)
    return `the log has ${has} indexed inputs, its event in the ABI has ${indexed.length}`
  const text =
    error instanceof Error && 'shortMessage' in error ? String(error.shortMessage) : 'it does not decode'
  return text.replaceAll(/\s+/g, ' ').slice(0, 300)
}
