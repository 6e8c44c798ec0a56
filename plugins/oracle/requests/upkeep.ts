import { zeroHash } from 'viem'
import type { Condition, IndexReader } from '../../../node/ports/index-reader.ts'
import type { ContractRef } from '../../../node/ports/quorum.ts'
import type { Pin } from '../feed-types.ts'
import { Backlog, inOrder } from './backlog.ts'
import { type Chore, choreColumns, choreOf, DRAW_AFTER_BLOCKS, upkeepItem } from './chore.ts'
import { ofOracle, recordsOf } from './pending.ts'
import type { RequestRules } from './request-rules.ts'
import type { UpkeepItem } from './request-types.ts'

/** Chores of one report; the contract takes 32. */
export const MAX_UPKEEP = 16
/** Answers that nobody challenged are settled once so many of them wait, or one for so long. */
const SETTLED_TOGETHER = 8
const SETTLED_WITHIN_SECONDS = 3_600
/** The most urgent first: what a committee is drawn by goes out of reach. */
const urgency: readonly Chore[] = ['draw', 'deliver', 'close', 'settle']
/** Disputes looked at for each chore; what is done is not among them any more. */
const LOOKED_AT = 200
const columns = [
  'requestId',
  'finalOnly',
  'delivered',
  'status',
  'callbackGasLimit',
  'blockNumber',
  'logIndex',
] as const

/** The leader's choice among what the contract has to be told to do. It keeps what it has looked at. */
export class ChoreQueue {
  readonly #index: IndexReader
  readonly #oracle: ContractRef
  readonly #answered = new Backlog()
  readonly #undelivered = new Backlog()

  constructor(index: IndexReader, oracle: ContractRef) {
    this.#index = index
    this.#oracle = oracle
  }

  /**
   * Requests for which something is due at the pin. A callback that waits is made at once, as are committees and disputes that are
   * out of time; prices of answers that nobody challenged are earned several at a time.
   */
  async pick({
    rules,
    pin,
    resting,
  }: {
    rules: RequestRules
    pin: Pin
    resting: ReadonlySet<bigint>
  }): Promise<readonly UpkeepItem[]> {
    const due = await this.#due(pin, resting)
    const settled = due.filter(({ chore }) => chore === 'settle')
    const worth =
      settled.length >= SETTLED_TOGETHER ||
      settled.some(({ since }) => since + BigInt(SETTLED_WITHIN_SECONDS) < BigInt(pin.timestamp))
    const items: UpkeepItem[] = []
    let gas = 0
    for (const { item, chore } of due) {
      if (items.length === MAX_UPKEEP) break
      if (chore === 'settle' && !worth) continue
      if (items.length > 0 && gas + item.callbackGasLimit > rules.maxCallbackGas) continue
      gas += item.callbackGasLimit
      items.push(item)
    }
    return items
  }

  async #due(
    pin: Pin,
    resting: ReadonlySet<bigint>,
  ): Promise<readonly { item: UpkeepItem; chore: Chore; since: bigint }[]> {
    const now = BigInt(pin.timestamp)
    const [disputed, undelivered, answered] = [
      await this.#disputed(pin, [
        [{ column: 'deadline', op: '<', value: now }],
        [
          { column: 'seed', op: '=', value: zeroHash },
          { column: 'blockNumber', op: '<', value: pin.number - DRAW_AFTER_BLOCKS },
        ],
      ]),
      await this.#requests(this.#undelivered, pin, [
        { column: 'finalOnly', op: '=', value: true },
        { column: 'delivered', op: '=', value: false },
        { column: 'status', op: 'in', value: ['final', 'upheld', 'overturned', 'unresolved'] },
      ]),
      await this.#requests(this.#answered, pin, [{ column: 'status', op: '=', value: 'answered' }]),
    ]
    // They are of several moments: a request may have gone from one to the other in between.
    const found = new Map(
      [...disputed, ...undelivered, ...answered].map((row) => [row.requestId, row] as const),
    )
    const rows = [...found.values()].filter(({ requestId }) => !resting.has(requestId))
    const records = await recordsOf(this.#index, this.#oracle, rows, pin, choreColumns)
    const due = rows.flatMap((row) => {
      const record = records.get(row.requestId)
      const chore = choreOf(row, record, pin)
      return chore === null ? [] : [{ item: upkeepItem(row), chore, since: record?.answer.finalAt ?? 0n }]
    })
    return due.sort((a, b) => urgency.indexOf(a.chore) - urgency.indexOf(b.chore))
  }

  async #requests(backlog: Backlog, pin: Pin, where: readonly Condition<'inferenceRequest'>[]) {
    const complete = { chainId: this.#oracle.chainId, block: pin.number }
    const rows = await backlog.look((page) =>
      this.#index.select({
        table: 'inferenceRequest',
        columns,
        where: [...ofOracle(this.#oracle), ...where],
        ...page,
        complete,
      }),
    )
    return inOrder(rows)
  }

  /** Requests whose disputes are open and meet any of these. */
  async #disputed(pin: Pin, any: readonly (readonly Condition<'inferenceDispute'>[])[]) {
    const complete = { chainId: this.#oracle.chainId, block: pin.number }
    const ids = new Set<bigint>()
    for (const where of any) {
      const disputes = await this.#index.select({
        table: 'inferenceDispute',
        columns: ['requestId'],
        where: [...ofOracle(this.#oracle), { column: 'endedBlock', op: '=', value: 0n }, ...where],
        orderBy: [{ column: 'blockNumber', direction: 'asc' }],
        ...{ limit: LOOKED_AT, complete },
      })
      for (const { requestId } of disputes) ids.add(requestId)
    }
    if (ids.size === 0) return []
    return await this.#index.select({
      table: 'inferenceRequest',
      columns,
      where: [...ofOracle(this.#oracle), { column: 'requestId', op: 'in', value: [...ids] }],
      complete,
    })
  }
}
