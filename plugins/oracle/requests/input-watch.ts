import type { Clock, Timer } from '../../../node/ports/clock.ts'
import type { Condition, IndexReader } from '../../../node/ports/index-reader.ts'
import type { Inference } from '../../../node/ports/inference.ts'
import type { Logger } from '../../../node/ports/log.ts'
import type { ContractRef } from '../../../node/ports/quorum.ts'
import { Backlog, type Page } from './backlog.ts'
import { type InferenceRequestRow, MOST_HELD, ofOracle } from './pending.ts'
import type { RequestInputs } from './request-inputs.ts'
import { outcomes } from './request-types.ts'
import { WantedInputs } from './wanted-inputs.ts'

const LOOK_MS = 10_000
/** One page of all that is here: what a flood hides from the others must not be given up for what it sends. */
const heldPage: Page = {
  orderBy: [
    { column: 'blockNumber', direction: 'desc' },
    { column: 'logIndex', direction: 'desc' },
  ],
  limit: MOST_HELD,
}
/** Answers that are looked up at once. */
const MOST_ANSWERS = 10_000

type Status = 'pending' | 'disputed' | 'answered'

/** What looking after the input of a request needs to know of it. */
const columns = [
  'requestId',
  'requester',
  'inputHash',
  'inputLength',
  'input',
  'deadline',
  'timestamp',
  'blockNumber',
  'logIndex',
] as const

type WatchedRequest = Pick<InferenceRequestRow, (typeof columns)[number]>

/**
 * Looks after the inputs that requests name by hash, whoever leads: of what waits for an answer or a ruling they are fetched
 * and kept, of what was answered and can still be challenged they are kept. All of it is read from the index each time, so
 * that a node which was ended needs the same again, without a note of its own that could be lost or out of date.
 */
export function inputWatch(
  oracles: readonly ContractRef[],
  modules: {
    readonly index: IndexReader
    readonly inference: Inference
    readonly inputs: RequestInputs
    readonly clock: Clock
    readonly log: Logger
  },
): {
  /** Resolves after the first look: what is here is not given up any more for what others send. */
  start(): Promise<void>
  stop(): Promise<void>
} {
  const { index, inference, inputs, clock, log } = modules
  let isStopped = false
  let timer: Timer | null = null
  let work: Promise<void> = Promise.resolve()
  const wanted = new WantedInputs('watch', inputs)
  const watched = oracles.map((oracle) => ({
    oracle,
    backlogs: { pending: new Backlog(), disputed: new Backlog(), answered: new Backlog() },
  }))

  /** A few pages of those that name their inputs by hash; and whatever is in them, those whose inputs are here. */
  async function byHash(
    { oracle, backlogs }: (typeof watched)[number],
    status: Status,
  ): Promise<readonly WatchedRequest[]> {
    const digests = inference.models().flatMap(({ digest, request }) => (request === null ? [] : [digest]))
    if (digests.length === 0) return []
    const read = (page: Page, more: readonly Condition<'inferenceRequest'>[] = []) =>
      index.select({
        table: 'inferenceRequest',
        columns,
        where: [
          ...ofOracle(oracle),
          { column: 'status', op: '=', value: status },
          { column: 'modelDigest', op: 'in', value: digests },
          { column: 'input', op: '=', value: '0x' },
          // What nobody answered in time may wait for its refund for ever.
          ...(status === 'pending'
            ? [
                { column: 'endedBlock', op: '=', value: 0n } as const,
                { column: 'deadline', op: '>', value: BigInt(Math.floor(clock.now() / 1_000)) } as const,
              ]
            : []),
          ...more,
        ],
        ...page,
      })
    const found = await backlogs[status].look(read)
    const held = inputs.held().slice(-MOST_HELD)
    const here =
      held.length === 0 ? [] : await read(heldPage, [{ column: 'inputHash', op: 'in', value: held }])
    return [...new Map([...found, ...here].map((row) => [row.requestId, row] as const)).values()]
  }

  /** Those whose answer has values: what is no input of the model's is worth no room. */
  async function withValues(
    oracle: ContractRef,
    rows: readonly WatchedRequest[],
  ): Promise<readonly WatchedRequest[]> {
    const here = rows.filter((row) => inputs.holds(row)).slice(0, MOST_ANSWERS)
    if (here.length === 0) return []
    const answers = await index.select({
      table: 'inferenceAnswer',
      columns: ['requestId'],
      where: [
        ...ofOracle(oracle),
        { column: 'requestId', op: 'in', value: here.map(({ requestId }) => requestId) },
        { column: 'outcome', op: '=', value: outcomes.answered },
      ],
      limit: MOST_ANSWERS,
    })
    const ids = new Set(answers.map(({ requestId }) => requestId))
    return here.filter(({ requestId }) => ids.has(requestId))
  }

  async function look(): Promise<void> {
    const pending: WatchedRequest[] = []
    const disputed: WatchedRequest[] = []
    for (const each of watched) {
      pending.push(...(await byHash(each, 'pending')))
      disputed.push(...(await byHash(each, 'disputed')))
      inputs.standing(await withValues(each.oracle, await byHash(each, 'answered')))
    }
    inputs.keep([...disputed, ...pending])
    const missing = (row: WatchedRequest) => !inputs.holds(row)
    // What somebody staked a bond on goes first.
    wanted.choose(pending.filter(missing), disputed.filter(missing))
  }

  async function again(): Promise<void> {
    work = look().catch((error: unknown) =>
      log.debug({ err: error }, 'Look after inputs later: the index does not tell which are needed'),
    )
    await work
    if (!isStopped) timer = clock.setTimer(LOOK_MS, () => void again())
  }

  return {
    start: again,
    async stop() {
      isStopped = true
      timer?.cancel()
      await work
    },
  }
}
