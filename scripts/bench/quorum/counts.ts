import { MESSAGE_KIND, type MessageKind } from '../../../node/quorum/messages.ts'
import type { BareCosts } from './bare.ts'
import type { Board, CounterName } from './board.ts'
import type { Scenario } from './scenario.ts'

/** What was counted in a time at whose ends no round ran. */
export interface Counts {
  /** Of all duties. */
  readonly rounds: number
  readonly counters: Readonly<Record<CountedName, number>>
  /** Copies sent, by message kind. */
  readonly kinds: readonly number[]
}
type CountedName = Exclude<CounterName, 'mode' | 'opened' | 'connected'>

/** Counted so far, or since `before`. */
export function countsOf(board: Board, before?: Counts): Counts {
  const since = (name: CountedName) => board.get(name) - (before?.counters[name] ?? 0)
  return {
    rounds: board.allRounds().reduce((sum, count) => sum + count, 0) - (before?.rounds ?? 0),
    counters: {
      faults: since('faults'),
      epochs: since('epochs'),
      lostFrames: since('lostFrames'),
      reconnects: since('reconnects'),
      ed25519Sign: since('ed25519Sign'),
      ed25519Verify: since('ed25519Verify'),
      secp256k1Sign: since('secp256k1Sign'),
      secp256k1Recover: since('secp256k1Recover'),
      secp256k1Check: since('secp256k1Check'),
      payloadBytes: since('payloadBytes'),
      wireBytes: since('wireBytes'),
    },
    kinds: board.kinds().map((count, kind) => count - (before?.kinds[kind] ?? 0)),
  }
}

/** Copies of each kind in a round without incident; of no other kind is there any. */
function expectedCopies(n: number): Partial<Record<MessageKind, number>> {
  const others = n - 1
  return {
    'round-start': others,
    observation: others,
    proposal: others,
    prepare: n * others,
    commit: n * others,
    'report-signatures': n * others,
  }
}

/** A run with faults, changes of epoch, lost frames or connections, or a message too many or too few is refused. */
export function checkClean(scenario: Scenario, { rounds, counters, kinds }: Counts): void {
  const problems: string[] = []
  for (const name of ['faults', 'epochs', 'lostFrames', 'reconnects'] as const) {
    if (counters[name] !== 0) problems.push(`${counters[name]} ${name}`)
  }
  const expected = expectedCopies(scenario.n)
  for (const [kind, byte] of Object.entries(MESSAGE_KIND) as [MessageKind, number][]) {
    const wanted = rounds * (expected[kind] ?? 0)
    if (kinds[byte] !== wanted) problems.push(`${kinds[byte]} ${kind} messages, not ${wanted}`)
  }
  if (problems.length > 0) {
    const name = `n = ${scenario.n}, ${scenario.medium}, ${scenario.duties} duties`
    throw new RangeError(`not a clean run (${name}, ${rounds} rounds): ${problems.join('; ')}`)
  }
}

const SIGNATURE_BYTES = { ed25519: 64, report: 65 } as const

/** Means of a round of all validators. */
export function perRound(
  { n, medium }: Scenario,
  { rounds, counters, kinds }: Counts,
): {
  readonly operations: Readonly<Record<keyof BareCosts, number>>
  readonly bytes: number
  readonly signatureBytes: number
} {
  const of = (kind: MessageKind) => (kinds[MESSAGE_KIND[kind]] ?? 0) / rounds
  // A prepare carries the leader's signature beside its own, a proposal those of all observers and the leader's.
  const ed25519 = of('observation') + 2 * of('prepare') + of('commit') + (n + 1) * of('proposal')
  return {
    operations: {
      ed25519Sign: counters.ed25519Sign / rounds,
      ed25519Verify: counters.ed25519Verify / rounds,
      secp256k1Sign: counters.secp256k1Sign / rounds,
      secp256k1Recover: counters.secp256k1Recover / rounds,
      secp256k1Check: counters.secp256k1Check / rounds,
      // What the protocol's definition needs of each validator: query, n observations, outcome, inputs, signatures;
      // payload and digest of the report.
      sha256: n * (n + 4),
      keccak256: n * 2,
    },
    bytes: (medium === 'memory' ? counters.payloadBytes : counters.wireBytes) / rounds,
    signatureBytes: ed25519 * SIGNATURE_BYTES.ed25519 + of('report-signatures') * SIGNATURE_BYTES.report,
  }
}
