import { ByteReader, ByteWriter } from '../bytes.ts'
import { leaderOf } from '../permutation.ts'
import type { Core } from './core.ts'

/** Highest epoch: far beyond any real one, and a wish for it still fits the wire. */
const MAX_EPOCH = 0xffff_fffe

/**
 * Moves the validators through epochs together. A wish is resent every DeltaResend; more than f wishes above mine are
 * joined; more than 2f wishes above the current epoch switch it (OCR3, pacemaker).
 */
export class Pacemaker {
  readonly #core: Core
  readonly #wishes: number[]
  #wish = 0
  /** The wish that is durable, and so may be told. */
  #announced = 0

  constructor(core: Core) {
    this.#core = core
    this.#wishes = new Array<number>(core.options.n).fill(0)
  }

  /** From `pacemaker` bytes of a snapshot; throws `QuorumCodecError`. */
  restore(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes)
    const epoch = reader.u32()
    const wish = reader.u32()
    reader.end()
    this.#core.epoch = epoch
    this.#core.leader = leaderOf(this.#core.options.leaderKey, epoch, this.#core.options.n)
    this.#setWish(wish)
    this.#announced = wish
  }

  #setWish(wish: number): void {
    this.#wish = wish
    this.#wishes[this.#core.options.self] = wish
  }

  #bytes(): Uint8Array {
    return new ByteWriter().u32(this.#core.epoch).u32(this.#wish).finish()
  }

  wishNext(): void {
    this.#raise(this.#core.epoch + 1)
    this.#check()
  }

  /** Every DeltaResend: peers that restarted or lost messages learn where everybody is. */
  resend(): void {
    if (this.#announced > 0) this.#core.broadcast(this.#core.encode({ kind: 'wish', epoch: this.#announced }))
  }

  onWish(from: number, epoch: number): void {
    if (epoch <= (this.#wishes[from] ?? 0)) return
    this.#wishes[from] = epoch
    this.#check()
  }

  #raise(epoch: number): void {
    if (epoch <= this.#wish || epoch > MAX_EPOCH) return
    this.#setWish(epoch)
    this.#core.save({ pacemaker: this.#bytes() }, () => {
      if (epoch <= this.#announced) return
      this.#announced = epoch
      this.resend()
    })
  }

  #check(): void {
    const { f, n, leaderKey } = this.#core.options
    const highest = (k: number) => [...this.#wishes].sort((a, b) => b - a)[k] ?? 0
    // f+1 wishes at or above it: at least one honest validator has a reason.
    if (highest(f) > this.#wish) this.#raise(highest(f))
    const next = highest(2 * f)
    if (next <= this.#core.epoch) return
    this.#core.epoch = next
    this.#core.leader = leaderOf(leaderKey, next, n)
    this.#core.started = false
    this.#core.links.epochLeft()
    this.#raise(next)
    for (const timer of ['round', 'look', 'grace', 'initial', 'progress'] as const)
      this.#core.cancelTimer(timer)
    this.#core.emit({ type: 'epoch', epoch: next, leader: this.#core.leader })
    // Durable before anything is signed in it: a validator that restarts must not speak in an epoch it has left.
    this.#core.save({ pacemaker: this.#bytes() }, () => {
      if (this.#core.epoch === next) this.#core.links.epochEntered()
    })
  }
}
