import { ByteReader } from '../../../../node/quorum/bytes.ts'
import { type MedianSource, medianDuty, outcomeCodec, u64Codec } from '../median.ts'
import { CONTRACT, type SimDuty, simDuty } from './duty.ts'

/** The small numeric feed of hand-written histories: each node's source is given by the test. */
export function sourcedMedian(
  sourceOf: (node: number) => MedianSource,
  options: { readonly sealed?: boolean } = {},
): SimDuty {
  const sources = new Map<number, MedianSource>()
  const source = (node: number) => {
    const known = sources.get(node) ?? sourceOf(node)
    sources.set(node, known)
    return known
  }
  return simDuty(
    { ...medianDuty('test/median', CONTRACT, sourceOf(0)), ...options },
    {
      query: (node, seqNr) => {
        const query = source(node).query(seqNr)
        return query === null ? null : u64Codec.encode(query)
      },
      observe: (node, seqNr, query) => u64Codec.encode(source(node).observe(seqNr, u64Codec.decode(query))),
      problem: (outcome, honest) => {
        const { median } = outcomeCodec.decode(outcome)
        const values = honest.map((bytes) => new ByteReader(bytes).u64())
        const inside = values.some((value) => value <= median) && values.some((value) => value >= median)
        return inside ? null : `${median} is outside of what honest validators saw`
      },
      lie: (_kind, honest) => honest,
    },
  )
}
