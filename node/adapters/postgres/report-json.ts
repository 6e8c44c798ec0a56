import { z } from 'zod'
import type { Hex } from '../../ports/chain.ts'
import type { AttestedReport } from '../../ports/quorum.ts'

const hex = z.templateLiteral(['0x', z.string().regex(/^[0-9a-fA-F]*$/)])
const bytes = z.codec(hex, z.instanceof(Uint8Array), {
  decode: (text) => Uint8Array.from(Buffer.from(text.slice(2), 'hex')),
  encode: (value): Hex => `0x${Buffer.from(value).toString('hex')}`,
})

const reportsCodec = z.array(
  z.object({
    index: z.int(),
    report: z.object({
      contract: z.object({ chainId: z.int(), address: hex }),
      payload: bytes,
      extraHash: hex,
    }),
    context: z.tuple([hex, hex, hex]),
    digest: hex,
    signatures: z.array(z.object({ oracle: z.int(), signer: hex, signature: bytes })),
  }),
)

/** Reports as a JSON text, bytes as 0x strings. */
export function encodeReports(reports: readonly AttestedReport[]): string {
  return JSON.stringify(z.encode(reportsCodec, structuredClone(reports) as z.output<typeof reportsCodec>))
}

/** Reverse of `encodeReports`, from parsed JSON. */
export function decodeReports(json: unknown): readonly AttestedReport[] {
  return z.decode(reportsCodec, json as z.input<typeof reportsCodec>)
}
