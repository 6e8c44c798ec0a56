import type { Hex } from '../../../node/ports/chain.ts'
import type { SigningSlot } from '../../../node/ports/signer.ts'
import type { Random } from './random.ts'
import type { Schedule } from './schedule.ts'

export interface SignRequest {
  readonly slot: SigningSlot
  readonly payload: Uint8Array
  /** Makes the signature. */
  readonly make: () => Uint8Array
}

interface SignerModules {
  readonly schedule: Schedule
  readonly random: Random
  /** Hears of every signature that leaves the device. */
  readonly released: (slot: SigningSlot, payload: Hex) => void
}

/**
 * A guarded key, as the node's: a device of its own beside the disk. The slot is claimed, durably, before the signature
 * is made; a crash in between leaves a claim that nobody got a signature for.
 */
export class Signer {
  latencyMs: readonly [number, number]
  /** Without history: it signs what it is asked to. A liar's. */
  readonly #unguarded: boolean
  readonly #modules: SignerModules
  readonly #history = new Map<string, { position: readonly [bigint, bigint]; payload: Hex }>()
  #freeAt = 0
  #life = 0
  waiting = 0

  constructor(
    options: { readonly latencyMs: readonly [number, number]; readonly unguarded: boolean },
    modules: SignerModules,
  ) {
    this.latencyMs = options.latencyMs
    this.#unguarded = options.unguarded
    this.#modules = modules
  }

  sign(request: SignRequest, done: (signature: Uint8Array) => void, refused: (reason: string) => void): void {
    const { schedule, random, released } = this.#modules
    const life = this.#life
    const begin = Math.max(this.#freeAt, schedule.now)
    const claimAt = begin + random.between(...this.latencyMs) / 2
    this.#freeAt = claimAt + random.between(...this.latencyMs) / 2
    const answerAt = this.#freeAt
    this.waiting++
    schedule.at(claimAt - schedule.now, () => {
      if (life !== this.#life) return
      const payload: Hex = `0x${Buffer.from(request.payload).toString('hex')}`
      const refusal = this.#unguarded ? null : this.#claim(request.slot, payload)
      schedule.at(answerAt - schedule.now, () => {
        if (life !== this.#life) return
        this.waiting--
        if (refusal !== null) {
          refused(refusal)
          return
        }
        released(request.slot, payload)
        done(request.make())
      })
    })
  }

  #claim(slot: SigningSlot, payload: Hex): string | null {
    const key = `${slot.purpose}/${slot.scope}`
    const [a, b] = slot.position
    const last = this.#history.get(key)
    if (last !== undefined) {
      const [x, y] = last.position
      if (a === x && b === y) return payload === last.payload ? null : 'SIGNER_SLOT_CONFLICT'
      if (a < x || (a === x && b < y)) return 'SIGNER_SLOT_PASSED'
    }
    this.#history.set(key, { position: slot.position, payload })
    return null
  }

  /** Claims stay; what was asked for is not answered. */
  crash(): void {
    this.#life++
    this.#freeAt = 0
    this.waiting = 0
  }

  /** Makes the slot look as if something else had been signed there. */
  poison(slot: SigningSlot): void {
    this.#history.set(`${slot.purpose}/${slot.scope}`, { position: slot.position, payload: '0x00' })
  }

  /** What must never happen to an honest validator: its history is gone. */
  forget(): void {
    this.#history.clear()
  }
}
