import { QuorumCodecError } from './errors.ts'

/** Room for most messages and all signed strings. */
const FIRST_BYTES = 256

/** Builds canonical bytes: fixed-width big-endian integers and length-prefixed strings, nothing optional. */
export class ByteWriter {
  #bytes = new Uint8Array(FIRST_BYTES)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  /** Where the next `length` bytes go. */
  #room(length: number): number {
    const at = this.#length
    this.#length = at + length
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length))
      larger.set(this.#bytes.subarray(0, at))
      this.#bytes = larger
      this.#view = new DataView(larger.buffer)
    }
    return at
  }

  #push(bytes: Uint8Array): this {
    const at = this.#room(bytes.length)
    this.#bytes.set(bytes, at)
    return this
  }

  u8(value: number): this {
    const at = this.#room(1)
    this.#view.setUint8(at, value)
    return this
  }

  u32(value: number): this {
    const at = this.#room(4)
    this.#view.setUint32(at, value)
    return this
  }

  u64(value: bigint): this {
    const at = this.#room(8)
    this.#view.setBigUint64(at, value)
    return this
  }

  /** Bytes whose length the layout fixes. */
  fixed(value: Uint8Array, length: number): this {
    if (value.length !== length) {
      throw new QuorumCodecError(
        'QUORUM_CODEC_NOT_CANONICAL',
        `expected ${length} bytes, got ${value.length}`,
        {
          data: { expected: length, actual: value.length },
        },
      )
    }
    return this.#push(value)
  }

  /** `u32` length, then the bytes. Throws `QUORUM_CODEC_LIMIT`: what a peer would refuse is not sent. */
  bytes(value: Uint8Array, max: number): this {
    if (value.length > max) {
      throw new QuorumCodecError(
        'QUORUM_CODEC_LIMIT',
        `${value.length} bytes are more than the ${max} allowed`,
        {
          data: { limit: max, actual: value.length },
        },
      )
    }
    return this.u32(value.length).#push(value)
  }

  /** The bytes so far, in memory of their own. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }
}

/** Reads what `ByteWriter` wrote; throws `QuorumCodecError` and nothing else, whatever the bytes are. */
export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  #take(length: number): number {
    const at = this.#at
    if (length > this.#bytes.length - at) {
      throw new QuorumCodecError('QUORUM_CODEC_TRUNCATED', `${length} bytes wanted at offset ${at}`, {
        data: { offset: at, wanted: length, length: this.#bytes.length },
      })
    }
    this.#at = at + length
    return at
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8))
  }

  /** A count of items, refused above `max` before anything is allocated for them. */
  count(max: number): number {
    const value = this.u8()
    if (value > max) throw limit(value, max)
    return value
  }

  /** 0 or 1, nothing else. */
  flag(): boolean {
    const value = this.u8()
    if (value > 1) {
      throw new QuorumCodecError('QUORUM_CODEC_NOT_CANONICAL', `a flag is 0 or 1, not ${value}`, {
        data: { value },
      })
    }
    return value === 1
  }

  /** A copy, so that a small field does not keep a large frame alive. */
  fixed(length: number): Uint8Array {
    const at = this.#take(length)
    // Not `slice`: that of a Buffer is a view.
    return new Uint8Array(this.#bytes.subarray(at, at + length))
  }

  bytes(max: number): Uint8Array {
    const length = this.u32()
    if (length > max) throw limit(length, max)
    return this.fixed(length)
  }

  /** Throws `QUORUM_CODEC_TRAILING` unless all was read. */
  end(): void {
    if (this.#at !== this.#bytes.length) {
      throw new QuorumCodecError('QUORUM_CODEC_TRAILING', `${this.#bytes.length - this.#at} bytes too many`, {
        data: { offset: this.#at, length: this.#bytes.length },
      })
    }
  }
}

function limit(actual: number, max: number): QuorumCodecError {
  return new QuorumCodecError('QUORUM_CODEC_LIMIT', `${actual} is above the limit of ${max}`, {
    data: { limit: max, actual },
  })
}

/** Constant-time is not needed: nothing compared here is secret. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
