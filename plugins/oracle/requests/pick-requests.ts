import type { IndexReader } from '../../../node/ports/index-reader.ts'
import type { Inference, ModelInfo } from '../../../node/ports/inference.ts'
import type { ContractRef } from '../../../node/ports/quorum.ts'
import type { Pin } from '../feed-types.ts'
import { PendingRequests, type WaitingRequest } from './pending.ts'
import type { RequestInputs } from './request-inputs.ts'
import type { RequestRules } from './request-rules.ts'
import type { RequestItem, RequestOutcome } from './request-types.ts'
import { Tries } from './tries.ts'
import { inTurns } from './turns.ts'
import { WantedInputs } from './wanted-inputs.ts'

interface Modules {
  readonly index: IndexReader
  readonly inference: Inference
  readonly inputs: RequestInputs
}

/** The leader's choice among the requests that wait. It keeps what it has looked at, and what was tried. */
export class RequestQueue {
  readonly #modules: Modules
  readonly #pending: PendingRequests
  readonly #tries = new Tries<bigint>()
  readonly #wanted: WantedInputs
  #looks = 0

  constructor(oracle: ContractRef, modules: Modules) {
    this.#modules = modules
    this.#pending = new PendingRequests(modules.index, oracle)
    this.#wanted = new WantedInputs('rounds', modules.inputs)
  }

  /** A round is about these: should they come again, they go behind those that it was not about. */
  note(items: readonly { readonly requestId: bigint }[]): void {
    this.#tries.note(items.map(({ requestId }) => requestId))
  }

  /**
   * Requests that wait at the pin, of models that this node can run, at most `most`, in turns (`turns.ts`). Inputs that are to be
   * delivered, and are not here, it begins to fetch: their requests come in a later round.
   */
  async pick(
    { rules, most }: { rules: RequestRules; most: number },
    pin: Pin,
    previous: RequestOutcome | null,
  ): Promise<readonly RequestItem[]> {
    const { inference, inputs } = this.#modules
    if (most < 1) return []
    const models = new Map(
      inference
        .models()
        .filter(({ status, request }) => status.ok && request !== null)
        .map((model) => [model.digest, model] as const),
    )
    const { byValue, delivered, byHash } = await this.#pending.at({
      ...{ pin, rules, digests: [...models.keys()] },
      held: inputs.held(),
    })
    const known = new Set(delivered.map(({ requestId }) => requestId))
    const here = [...delivered, ...byHash.filter((row) => inputs.holds(row) && !known.has(row.requestId))]
    this.#wanted.choose(byHash.filter((row) => !inputs.holds(row)))
    inputs.keep(here)
    const resting = restingAt(pin, previous)
    const rows = inTurns(
      [...byValue, ...here].filter(({ requestId }) => !resting.has(requestId)),
      {
        whose: ({ requester }) => requester,
        tries: ({ requestId }) => this.#tries.inVain(requestId),
        ...{ most, newestFirst: this.#looks++ % 2 === 1 },
      },
    )
    const items: RequestItem[] = []
    let gas = 0
    for (const row of rows) {
      const model = models.get(row.modelDigest)
      if (model === undefined) continue
      if (items.length > 0 && gas + row.callbackGasLimit > rules.maxCallbackGas) continue
      gas += row.callbackGasLimit
      items.push(itemOf(row, model))
      if (items.length === most) break
    }
    return items
  }
}

function itemOf(row: WaitingRequest, model: ModelInfo): RequestItem {
  const { requestId, modelDigest, inputHash, minAgreeing, callbackGasLimit } = row
  return { requestId, modelDigest, inputHash, minAgreeing, callbackGasLimit, rule: ruleOf(model) }
}

/** The rule's canonical JSON: keys sorted, and nothing but objects, lists, texts and integers in it (RFC 8785). */
export function ruleOf({ agreement }: Pick<ModelInfo, 'agreement'>): string {
  return JSON.stringify(agreement, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
}

/** Requests that are not asked about at this block. */
export function restingAt(pin: Pin, previous: RequestOutcome | null): ReadonlySet<bigint> {
  const resting = (previous?.resting ?? []).filter(({ until }) => until > pin.timestamp)
  return new Set(resting.map(({ requestId }) => requestId))
}
