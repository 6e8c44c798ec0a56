import type { AgreedPlace, AgreementStore } from '../../node/ports/agreement-store.ts'
import type { ChainEvidence } from '../../node/ports/chain-evidence.ts'

const MOST = 100

/** `AgreementStore` in memory. */
export function memoryAgreements(): AgreementStore & { readonly kept: ChainEvidence[] } {
  const trails = new Map<number, { scope: string; trail: readonly AgreedPlace[] }>()
  let kept: { seq: number; evidence: ChainEvidence }[] = []
  let next = 1
  return {
    get kept() {
      return kept.map(({ evidence }) => evidence)
    },
    load: async (chainId, scope) => {
      const known = trails.get(chainId)
      return known?.scope === scope ? known.trail : []
    },
    save: async (chainId, scope, trail) => {
      trails.set(chainId, { scope, trail })
    },
    record: async (evidence) => {
      if (kept.some(({ evidence: { id } }) => id === evidence.id)) return
      kept.push({ seq: next++, evidence })
      const ofChain = kept.filter((each) => each.evidence.chainId === evidence.chainId)
      const oldest = ofChain.slice(0, Math.max(0, ofChain.length - MOST))
      kept = kept.filter((each) => !oldest.includes(each))
    },
    evidence: async ({ chainId, limit, before }) => {
      const found = kept
        .filter(
          ({ seq, evidence }) =>
            evidence.chainId === chainId && (before === undefined || seq < Number(before)),
        )
        .toReversed()
      const page = found.slice(0, limit)
      return {
        records: page.map(({ evidence: { header: _header, receipts: _receipts, ...summary } }) => summary),
        cursor: found.length > page.length ? String(page.at(-1)?.seq) : null,
      }
    },
    oneEvidence: async (chainId, id) =>
      kept.find(({ evidence }) => evidence.chainId === chainId && evidence.id === id)?.evidence ?? null,
  }
}
