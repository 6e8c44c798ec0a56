import type { QuorumSnapshot } from '../../../node/ports/quorum.ts'
import type { Random } from './random.ts'
import type { Schedule } from './schedule.ts'

/**
 * What a crash does to writes that were not yet acknowledged: all are lost, all but the newest ones are there, or each is
 * there or not. Acknowledged writes survive every crash.
 */
export type Tear = 'lost-tail' | 'prefix' | 'scattered'

/** Old states that an operator's backup may hold. */
const BACKUPS = 48

interface DiskModules {
  readonly schedule: Schedule
  readonly random: Random
}

/** A validator's rows: written one after the other, each taking its time; they outlive the process. */
export class Disk {
  snapshot: QuorumSnapshot = { pacemaker: null, certificate: null, committed: null }
  /** Writes take this long, least and most. */
  latencyMs: readonly [number, number]
  /** No write is acknowledged, nor takes effect. */
  failing = false
  readonly #modules: DiskModules
  #freeAt = 0
  #life = 0
  readonly #writing = new Set<() => void>()
  readonly #backups: QuorumSnapshot[] = []

  constructor(latencyMs: readonly [number, number], modules: DiskModules) {
    this.latencyMs = latencyMs
    this.#modules = modules
  }

  get writing(): number {
    return this.#writing.size
  }

  /** In the order asked; `done` once the change is durable. */
  save(change: Partial<QuorumSnapshot>, done: () => void): void {
    const { schedule, random } = this.#modules
    const life = this.#life
    this.#freeAt = Math.max(this.#freeAt, schedule.now) + random.between(...this.latencyMs)
    const write = () => {
      this.#backups.push(this.snapshot)
      if (this.#backups.length > BACKUPS) this.#backups.shift()
      this.snapshot = { ...this.snapshot, ...change }
    }
    this.#writing.add(write)
    schedule.at(this.#freeAt - schedule.now, () => {
      if (life !== this.#life || this.failing) return
      this.#writing.delete(write)
      write()
      done()
    })
  }

  /** None of the lost writes comes after the next start. */
  crash(tear: Tear): void {
    const { random } = this.#modules
    const writes = [...this.#writing]
    const kept = tear === 'lost-tail' ? 0 : random.integer(writes.length + 1)
    writes.forEach((write, i) => {
      if (tear === 'scattered' ? random.chance(0.5) : i < kept) write()
    })
    this.#writing.clear()
    this.#freeAt = 0
    this.#life++
  }

  /** An operator brings back a state of before: how many writes old is the answer. */
  restoreBackup(): number {
    const age = 1 + this.#modules.random.integer(this.#backups.length)
    const backup = this.#backups.at(-age)
    if (backup === undefined) return 0
    this.snapshot = backup
    this.#backups.length = 0
    return age
  }
}
