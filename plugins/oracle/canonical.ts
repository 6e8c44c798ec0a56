import { bytesToHex, hexToBytes } from 'viem'
import type { Codec } from '../../node/ports/quorum.ts'
import { OracleError } from './errors.ts'

/** A codec that accepts only what it would itself have written: ABI decoding alone is lenient about offsets and padding. */
export function canonical<T>(
  name: string,
  encode: (value: T) => `0x${string}`,
  decode: (bytes: Uint8Array) => T,
): Codec<T> {
  return {
    encode: (value) => hexToBytes(encode(value)),
    decode(bytes) {
      let value: T
      let again: string
      try {
        value = decode(bytes)
        again = encode(value)
      } catch (cause) {
        throw new OracleError(
          'ORACLE_BAD_BYTES',
          `these bytes are no ${name}`,
          { length: bytes.length },
          { cause },
        )
      }
      if (again !== bytesToHex(bytes))
        throw new OracleError('ORACLE_BAD_BYTES', `this ${name} is not in canonical form`, {
          length: bytes.length,
        })
      return value
    },
  }
}
