import type { HistoryEntry, KeyHistory } from './history-document.ts'

/** One line of a history with the key that it is about. */
export interface SignedSlot extends HistoryEntry {
  readonly keyId: string
}

/** A slot about which two histories say different things. */
export interface Disagreement {
  readonly keyId: string
  readonly purpose: string
  readonly scope: string
  readonly here: readonly [string, string]
  /** Null where the other history has no line for the slot. */
  readonly there: readonly [string, string] | null
}

/** What taking over `offered` would do, slot by slot. */
export interface HistoryComparison {
  readonly added: readonly SignedSlot[]
  readonly raised: readonly SignedSlot[]
  readonly same: readonly SignedSlot[]
  /** Offered below what is here. */
  readonly lower: readonly Disagreement[]
  /** The same position with another payload: this key signed two things for one slot. */
  readonly conflicts: readonly Disagreement[]
  /** Here, but not offered, of the keys that are offered. */
  readonly missing: readonly Disagreement[]
}

/** Compares what is here with what is offered. Pure; decides nothing. */
export function compareHistories(
  here: readonly SignedSlot[],
  offered: readonly KeyHistory[],
): HistoryComparison {
  const known = new Map(here.map((slot) => [nameOf(slot), slot]))
  const keys = new Set(offered.map(({ keyId }) => keyId))
  const result = {
    added: [] as SignedSlot[],
    raised: [] as SignedSlot[],
    same: [] as SignedSlot[],
    lower: [] as Disagreement[],
    conflicts: [] as Disagreement[],
  }
  for (const { keyId, entries } of offered) {
    for (const entry of entries) {
      const slot = { keyId, ...entry }
      const mine = known.get(nameOf(slot))
      known.delete(nameOf(slot))
      if (mine === undefined) {
        result.added.push(slot)
        continue
      }
      const order = comparePositions(slot.position, mine.position)
      if (order > 0) result.raised.push(slot)
      else if (order < 0) result.lower.push(disagreement(mine, slot))
      else if (slot.payloadDigest === mine.payloadDigest) result.same.push(slot)
      else result.conflicts.push(disagreement(mine, slot))
    }
  }
  const missing = [...known.values()]
    .filter(({ keyId }) => keys.has(keyId))
    .map((mine) => disagreement(mine, null))
  return { ...result, missing }
}

function nameOf({ keyId, purpose, scope }: SignedSlot): string {
  return JSON.stringify([keyId, purpose, scope])
}

function comparePositions(a: readonly [string, string], b: readonly [string, string]): number {
  const at = a[0] === b[0] ? 1 : 0
  const [left, right] = [BigInt(a[at]), BigInt(b[at])]
  return left < right ? -1 : left > right ? 1 : 0
}

function disagreement(mine: SignedSlot, other: SignedSlot | null): Disagreement {
  const { keyId, purpose, scope, position } = mine
  return { keyId, purpose, scope, here: position, there: other?.position ?? null }
}
