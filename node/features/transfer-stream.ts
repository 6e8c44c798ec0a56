import type { Hex } from '../ports/chain.ts'
import { FeatureError } from './feature-error.ts'
import { ADDRESS_DEPTH, TOKEN_DEPTH, type Touch, type Transfer, WINDOW_SECONDS } from './transfer.ts'
import { transferFeatures } from './transfer-features.ts'

interface TokenState {
  readonly addresses: Map<Hex, Touch[]>
  /** Times and ln(1 + base units) of its newest transfers, one beside the other. */
  readonly times: number[]
  readonly logs: number[]
}

/**
 * Features of one chain's transfers, one after another, each from what came before it alone. Memory is bounded by what
 * happened within `WINDOW_SECONDS`: `ADDRESS_DEPTH` touches of about 50 bytes for each address that moved a token,
 * `TOKEN_DEPTH` amounts for each token; who was silent for longer is forgotten.
 */
export class TransferStream {
  readonly #tokens = new Map<Hex, TokenState>()
  #last: Transfer | null = null

  /** How many addresses it holds histories of, each token's on its own. */
  get addresses(): number {
    let total = 0
    for (const { addresses } of this.#tokens.values()) total += addresses.size
    return total
  }

  /**
   * The features of the next transfer (`FEATURES` has their order), which then belongs to the history.
   * Throws FEATURES_OUT_OF_ORDER, FEATURES_BAD_TRANSFER; nothing is changed then.
   */
  push(transfer: Transfer): Float32Array {
    this.#check(transfer)
    const { timestamp, token, from, to, value } = transfer
    const since = timestamp - WINDOW_SECONDS
    const state = this.#token(token)
    const old = firstSince(state.times, since, (time) => time)
    state.times.splice(0, old)
    state.logs.splice(0, old)
    const [sender, receiver] = [recent(state, from, since), recent(state, to, since)]
    const features = transferFeatures(transfer, {
      sender,
      receiver,
      tokenLogAmounts: state.logs,
    })
    const amount = Number(value)
    const logAmount = Math.log1p(amount)
    keep(state.times, timestamp, TOKEN_DEPTH)
    keep(state.logs, logAmount, TOKEN_DEPTH)
    touch(state, from, sender, { timestamp, incoming: false, other: to, amount, logAmount })
    // To oneself is one touch, outgoing.
    if (from !== to) touch(state, to, receiver, { timestamp, incoming: true, other: from, amount, logAmount })
    this.#forget(state.addresses, since)
    this.#last = transfer
    return features
  }

  #check(transfer: Transfer): void {
    const { block, timestamp, logIndex, value } = transfer
    if (value < 0n || value >= 1n << 256n || !Number.isSafeInteger(timestamp) || timestamp < 0)
      throw new FeatureError(
        'FEATURES_BAD_TRANSFER',
        `transfer ${block}:${logIndex} has value ${value} and timestamp ${timestamp}: a value is a uint256, a time whole seconds; read it from the chain again`,
      )
    const last = this.#last
    if (last === null) return
    const later = block > last.block || (block === last.block && logIndex > last.logIndex)
    if (!later || timestamp < last.timestamp)
      throw new FeatureError(
        'FEATURES_OUT_OF_ORDER',
        `transfer ${block}:${logIndex} came after ${last.block}:${last.logIndex}: give them in the chain's order; after a reorganisation begin a new stream a window earlier`,
      )
  }

  #token(token: Hex): TokenState {
    const known = this.#tokens.get(token)
    // Moved to the end, so that those that were silent longest come first.
    this.#tokens.delete(token)
    const state = known ?? { addresses: new Map(), times: [], logs: [] }
    this.#tokens.set(token, state)
    return state
  }

  /** Drops who was silent for the whole window: they stand first, as whoever moves is moved to the end. */
  #forget(addresses: Map<Hex, Touch[]>, since: number): void {
    for (const [address, touches] of addresses) {
      if ((touches.at(-1)?.timestamp ?? 0) >= since) break
      addresses.delete(address)
    }
    for (const [token, { times }] of this.#tokens) {
      if ((times.at(-1) ?? 0) >= since) break
      this.#tokens.delete(token)
    }
  }
}

function recent(state: TokenState, address: Hex, since: number): Touch[] {
  const touches = state.addresses.get(address) ?? []
  touches.splice(
    0,
    firstSince(touches, since, ({ timestamp }) => timestamp),
  )
  return touches
}

function touch(state: TokenState, address: Hex, touches: Touch[], next: Touch): void {
  keep(touches, next, ADDRESS_DEPTH)
  state.addresses.delete(address)
  state.addresses.set(address, touches)
}

/** Index of the first entry that is not older than `since`. */
function firstSince<T>(entries: readonly T[], since: number, timeOf: (entry: T) => number): number {
  const first = entries.findIndex((entry) => timeOf(entry) >= since)
  return first === -1 ? entries.length : first
}

function keep<T>(entries: T[], next: T, depth: number): void {
  entries.push(next)
  if (entries.length > depth) entries.shift()
}
