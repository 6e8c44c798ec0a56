import type { Json } from '../../ports/json.ts'
import type { FillSource } from '../../ports/series-source.ts'

/** What was traded, in base units. `price` is quote per base, times 10^18. */
export interface Fill {
  readonly base: bigint
  readonly quote: bigint
  readonly price: bigint
}

const PRICE_DECIMALS = 18
const one = 10n ** BigInt(PRICE_DECIMALS)

/** The trade of a `pool.Swap`: net amounts, token0 for token1; null where nothing of one of them moved. */
export function poolFill(data: Json): Fill | null {
  const [in0, in1, out0, out1] = ['amount0In', 'amount1In', 'amount0Out', 'amount1Out'].map((name) =>
    integerAt(data, name),
  )
  if (in0 == null || in1 == null || out0 == null || out1 == null) return null
  return exchanged(magnitude(in0 - out0), magnitude(in1 - out1))
}

/** The trade that an event of an operator's contract tells of; null where it tells of none. Signs do not count. */
export function eventFill(fields: FillSource['fields'], data: Json): Fill | null {
  const base = magnitude(integerAt(data, fields.base) ?? 0n)
  if ('quote' in fields) return exchanged(base, magnitude(integerAt(data, fields.quote) ?? 0n))
  const told = magnitude(integerAt(data, fields.price) ?? 0n)
  if (base === 0n || told === 0n) return null
  return {
    base,
    quote: (base * told) / 10n ** BigInt(fields.priceScale),
    price: (told * one) / 10n ** BigInt(fields.priceScale),
  }
}

function exchanged(base: bigint, quote: bigint): Fill | null {
  return base === 0n || quote === 0n ? null : { base, quote, price: (quote * one) / base }
}

/** Null where it is none: an event that was copied long ago may be of another ABI. */
function integerAt(data: Json, name: string): bigint | null {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return null
  const value = Object.hasOwn(data, name) ? (data as { readonly [key: string]: Json })[name] : undefined
  return typeof value === 'string' && /^-?\d{1,78}$/.test(value) ? BigInt(value) : null
}

const magnitude = (value: bigint) => (value < 0n ? -value : value)
