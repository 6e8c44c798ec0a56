import type { Hex } from '../../../node/ports/chain.ts'
import type { Condition, IndexReader } from '../../../node/ports/index-reader.ts'
import type { Column, Row } from '../../../node/ports/index-tables.ts'
import type { ContractRef } from '../../../node/ports/quorum.ts'
import type { Pin } from '../feed-types.ts'
import { Backlog, type Page } from './backlog.ts'
import type { RequestRules } from './request-rules.ts'

export type InferenceRequestRow = Row<'inferenceRequest'>

/** Inputs that are here and are looked for in the index at once; those of the others are met on the way. */
export const MOST_HELD = 10_000

/** What choosing needs to know of a request: not its input, which may have 4 KiB. */
const columns = [
  'requestId',
  'modelDigest',
  'requester',
  'inputHash',
  'inputLength',
  'callbackGasLimit',
  'minAgreeing',
  'deadline',
  'endedBlock',
  'blockNumber',
  'logIndex',
] as const

export type WaitingRequest = Pick<InferenceRequestRow, (typeof columns)[number]>

export const ofOracle = ({ chainId, address }: ContractRef) =>
  [
    { column: 'chainId', op: '=', value: chainId },
    { column: 'oracle', op: '=', value: address.toLowerCase() as Hex },
  ] as const

interface Asked {
  readonly pin: Pin
  /** Of models that can be run. */
  readonly digests: readonly Hex[]
  readonly rules: RequestRules
  /** SHA-256 of the inputs that are here. */
  readonly held: readonly Hex[]
}

/** Requests that wait for an answer, as the index has them at pinned blocks; each kind by itself, so that none hides another. */
export class PendingRequests {
  readonly #index: IndexReader
  readonly #oracle: ContractRef
  readonly #byValue = new Backlog()
  readonly #delivered = new Backlog()
  readonly #byHash = new Backlog()

  constructor(index: IndexReader, oracle: ContractRef) {
    this.#index = index
    this.#oracle = oracle
  }

  /**
   * Of these models at a pinned block: `byValue` have their inputs on-chain, of `delivered` they are here, and `byHash` name them by
   * hash, wherever those are: of `delivered` it may have some. Of each kind at most three pages of what has not ended, and three of
   * what ended above the pin. Rejects with `INDEX_BEHIND` when the index lacks the block.
   */
  async at(asked: Asked): Promise<{
    readonly byValue: readonly WaitingRequest[]
    readonly delivered: readonly WaitingRequest[]
    readonly byHash: readonly WaitingRequest[]
  }> {
    if (asked.digests.length === 0) return { byValue: [], delivered: [], byHash: [] }
    const held = asked.held.slice(-MOST_HELD)
    const none: readonly WaitingRequest[] = []
    const [byValue, delivered, byHash] = await Promise.all([
      this.#waiting(this.#byValue, asked, [{ column: 'input', op: '!=', value: '0x' }]),
      held.length === 0
        ? none
        : this.#waiting(this.#delivered, asked, [noInput, { column: 'inputHash', op: 'in', value: held }]),
      this.#waiting(this.#byHash, asked, [noInput]),
    ])
    return { byValue, delivered, byHash }
  }

  async #waiting(
    backlog: Backlog,
    { pin, digests, rules }: Asked,
    kind: readonly Condition<'inferenceRequest'>[],
  ): Promise<readonly WaitingRequest[]> {
    const read = (ended: Ended, page: Page) =>
      this.#index.select({
        table: 'inferenceRequest',
        columns,
        where: [
          ...ofOracle(this.#oracle),
          { column: 'blockNumber', op: '<=', value: pin.number },
          { column: 'deadline', op: '>', value: BigInt(pin.timestamp + rules.inFlightSeconds) },
          { column: 'modelDigest', op: 'in', value: digests },
          ...kind,
          { column: 'endedBlock', ...ended },
        ],
        ...page,
        complete: { chainId: this.#oracle.chainId, block: pin.number },
      })
    // Not ended yet, or only after the pin: an index that is ahead of it must say the same as one that is not.
    const waiting = await backlog.look((page) => read({ op: '=', value: 0n }, page))
    const ended = await new Backlog().look((page) => read({ op: '>', value: pin.number }, page))
    // They are of two moments: what was answered in between, above the pin, is in both.
    const found = new Map([...waiting, ...ended].map((row) => [row.requestId, row] as const))
    return [...found.values()].filter((row) => isPendingAt(row, pin, rules))
  }
}

const noInput = { column: 'input', op: '=', value: '0x' } as const

type Ended = { readonly op: '=' | '>'; readonly value: bigint }

/** Those of the given ids that the index knows, by id. */
export async function requestsById(
  index: IndexReader,
  oracle: ContractRef,
  requestIds: readonly bigint[],
  pin: Pin,
): Promise<ReadonlyMap<bigint, InferenceRequestRow>> {
  const rows = await index.select({
    table: 'inferenceRequest',
    where: [...ofOracle(oracle), { column: 'requestId', op: 'in', value: requestIds }],
    complete: { chainId: oracle.chainId, block: pin.number },
  })
  return new Map(rows.map((row) => [row.requestId, row]))
}

/** What tells how a dispute stands. */
const disputeColumns = ['requestId', 'blockNumber', 'endedBlock', 'deadline', 'seed'] as const

/** Answers of the given requests, of each what is named, and how disputes over them stand, by id. */
export async function recordsOf<A extends Column<'inferenceAnswer'>>(
  index: IndexReader,
  oracle: ContractRef,
  requests: readonly { readonly requestId: bigint }[],
  pin: Pin,
  columns: readonly A[],
): Promise<
  ReadonlyMap<
    bigint,
    {
      readonly answer: Pick<Row<'inferenceAnswer'>, A | 'requestId'>
      readonly dispute?: Pick<Row<'inferenceDispute'>, (typeof disputeColumns)[number]>
    }
  >
> {
  if (requests.length === 0) return new Map()
  const where = [
    ...ofOracle(oracle),
    { column: 'requestId', op: 'in', value: requests.map(({ requestId }) => requestId) },
  ] as const
  const options = { where, limit: requests.length, complete: { chainId: oracle.chainId, block: pin.number } }
  const [answers, disputes] = await Promise.all([
    index.select<'inferenceAnswer', A | 'requestId'>({
      table: 'inferenceAnswer',
      columns: ['requestId', ...columns],
      ...options,
    }),
    index.select({ table: 'inferenceDispute', columns: disputeColumns, ...options }),
  ])
  const challenged = new Map(disputes.map((dispute) => [dispute.requestId, dispute]))
  return new Map(
    answers.map((answer) => {
      const dispute = challenged.get(answer.requestId)
      return [answer.requestId, dispute === undefined ? { answer } : { answer, dispute }]
    }),
  )
}

/** Made by then, not ended by then, and with time left for a report to get there. */
export function isPendingAt(
  row: Pick<InferenceRequestRow, 'blockNumber' | 'endedBlock' | 'deadline'>,
  pin: Pin,
  { inFlightSeconds }: Pick<RequestRules, 'inFlightSeconds'>,
): boolean {
  return (
    row.blockNumber <= pin.number &&
    (row.endedBlock === 0n || row.endedBlock > pin.number) &&
    row.deadline > BigInt(pin.timestamp + inFlightSeconds)
  )
}
