import type { TxSender } from '../ports/chain.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import { IyiError } from '../ports/errors.ts'
import type { Logger } from '../ports/log.ts'
import type { AttestedReport } from '../ports/quorum.ts'
import type { BoundDuty } from './bound-duty.ts'
import type { Instruments } from './instruments.ts'
import { transmissionStage } from './permutation.ts'
import { transmitData } from './transmit-data.ts'

interface Task {
  readonly seqNr: bigint
  readonly outcome: Uint8Array
  /** All reports of an outcome for one contract: it takes them in ascending order only. */
  reports: readonly AttestedReport[]
  attempts: number
  timer: Timer | null
}

interface TransmissionOptions {
  readonly duty: BoundDuty
  /** 32 bytes; orders transmitters. */
  readonly key: Uint8Array
  readonly n: number
  readonly self: number
  readonly deltaStageMs: number
  readonly signal: AbortSignal
}

interface TransmissionModules {
  readonly clock: Clock
  readonly sender: TxSender
  readonly log: Logger
  readonly instruments: Instruments
}

/** Outcomes whose reports for one contract wait for their stage; the oldest gives way, for a contract takes none older than its last. */
const MAX_PENDING = 64
const MAX_ATTEMPTS = 3

/**
 * Puts attested reports on-chain in stages: validator of rank i waits i x DeltaStage and then asks the duty whether it
 * is still needed, so that normally one validator pays gas and a dead one delays by a stage.
 */
export class Transmissions {
  readonly #options: TransmissionOptions
  readonly #modules: TransmissionModules
  readonly #pending = new Set<Task>()

  constructor(options: TransmissionOptions, modules: TransmissionModules) {
    this.#options = options
    this.#modules = modules
    options.signal.addEventListener('abort', () => this.#clear(), { once: true })
  }

  schedule(seqNr: bigint, outcome: Uint8Array, reports: readonly AttestedReport[]): void {
    if (this.#options.signal.aborted) return
    const { key, n, self, deltaStageMs } = this.#options
    for (const [first, ...more] of byContract(reports)) {
      if (first === undefined) continue
      const task: Task = { seqNr, outcome, reports: [first, ...more], attempts: 0, timer: null }
      const stage = transmissionStage(key, { seqNr, index: first.index }, n, self)
      this.#add(task, stage * deltaStageMs)
    }
  }

  #add(task: Task, delayMs: number): void {
    this.#pending.add(task)
    task.timer = this.#modules.clock.setTimer(delayMs, () => {
      this.#pending.delete(task)
      void this.#run(task)
    })
    const alike = [...this.#pending].filter((each) => targetOf(each.reports) === targetOf(task.reports))
    if (alike.length <= MAX_PENDING) return
    this.#drop(alike.reduce((oldest, each) => (each.seqNr < oldest.seqNr ? each : oldest)))
  }

  #drop(task: Task): void {
    task.timer?.cancel()
    this.#pending.delete(task)
    this.#modules.instruments.transmission('superseded')
  }

  #clear(): void {
    for (const task of this.#pending) task.timer?.cancel()
    this.#pending.clear()
  }

  /** Never rejects. */
  async #run(task: Task): Promise<void> {
    for (let attested = task.reports[0]; attested !== undefined; attested = task.reports[0]) {
      try {
        await this.#transmit(task, attested)
      } catch (error) {
        if (this.#options.signal.aborted || this.#isTriedAgain(task, attested, error)) return
      }
      if (this.#options.signal.aborted) return
      task.reports = task.reports.slice(1)
      task.attempts = 0
    }
  }

  async #transmit({ seqNr, outcome }: Task, attested: AttestedReport): Promise<void> {
    const { duty, signal } = this.#options
    const { sender, log, instruments } = this.#modules
    if (!(await duty.shouldTransmit(seqNr, attested.report, outcome, signal))) {
      instruments.transmission('not-needed')
      return
    }
    if (signal.aborted) return
    const { chainId, address } = attested.report.contract
    const receipt = await sender.send({
      chainId,
      to: address,
      data: transmitData(attested),
      ...(attested.report.leastGas === undefined ? {} : { leastGas: attested.report.leastGas }),
      key: `${attested.context[0]}:${seqNr}:${attested.index}`,
    })
    instruments.transmission(receipt.status === 'success' ? 'mined' : 'reverted')
    const { hash: transaction, status, gasUsed } = receipt
    log.info(
      { ...placeOf(seqNr, attested), transaction, status, gasUsed: gasUsed.toString() },
      'transmitted a report',
    )
  }

  /** False: this report is given up. */
  #isTriedAgain(task: Task, attested: AttestedReport, error: unknown): boolean {
    const { log, instruments } = this.#modules
    const { n, deltaStageMs } = this.#options
    const fields = placeOf(task.seqNr, attested)
    const final = error instanceof IyiError && !error.retry
    task.attempts++
    if (final || task.attempts >= MAX_ATTEMPTS) {
      instruments.transmission(final ? 'reverted' : 'failed')
      log.warn({ ...fields, error }, 'give up transmitting a report; the other validators may still do it')
      return false
    }
    log.warn(
      { ...fields, error, attempt: task.attempts },
      'transmission failed; it is tried again after the last stage',
    )
    this.#add(task, n * deltaStageMs)
    return true
  }
}

function placeOf(seqNr: bigint, { index, report }: AttestedReport) {
  return { seqNr: seqNr.toString(), report: index, chainId: report.contract.chainId }
}

function byContract(reports: readonly AttestedReport[]): AttestedReport[][] {
  return [...Map.groupBy(reports, (report) => targetOf([report])).values()]
}

/** The contract that they are for. */
function targetOf([first]: readonly AttestedReport[]): string {
  const contract = first?.report.contract
  return `${contract?.chainId}/${contract?.address.toLowerCase()}`
}
