import type { Hex } from '../../ports/chain.ts'
import type { Clock } from '../../ports/clock.ts'
import type { InferenceRequest, InferenceResult } from '../../ports/inference.ts'
import { InferenceError } from '../../ports/inference-error.ts'
import type { Logger } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import { reasonOf } from '../model-refusal.ts'
import type { ModelSlot } from '../model-slot.ts'
import { type CandidateState, candidateMetrics } from './candidate-metrics.ts'
import type { CandidateOptions } from './candidate-options.ts'
import { compareAnswers } from './compare-answers.ts'
import { Decisions } from './decisions.ts'
import { expectedOf, harmful, repeated, type ShadowRun, unlike, wasRun } from './shadow-run.ts'
import { Trial, type TrialRun } from './trial.ts'
import type { VersionRecord } from './version-states.ts'

export interface VersionOptions {
  /** Where it is kept what was decided of versions. */
  readonly folder: string
  /** At most one of each model. */
  readonly candidates: readonly CandidateOptions[]
}

export interface CandidatesModules {
  readonly log: Logger
  readonly metrics: Metrics
  readonly clock: Clock
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** A version that can be run, whatever stands about it here; null when it is missing or refused. */
  readonly usable: (digest: Hex) => ModelSlot | null
  /** The version that an id means; null when there is none. */
  readonly live: (id: string) => ModelSlot | null
  /** Runs one version; `fresh` takes no answer from what is kept, and keeps none. */
  readonly perform: (slot: ModelSlot, request: InferenceRequest, fresh: boolean) => Promise<InferenceResult>
  /** Milliseconds that a run may take. */
  readonly deadlineMs: number
  /** Greatest drift of any output of a version from its reference; null while nothing is known of it. */
  readonly outputDrift: (slot: ModelSlot) => number | null
  /** What was seen of a version's drift does not count any more. */
  readonly forgetDrift: (digest: Hex) => void
}

/** Of so many judged runs one looks at how far outputs drifted. */
const DRIFT_EVERY = 20

interface Tried {
  readonly options: CandidateOptions
  trial: Trial
  /** Digest of the version that it is held against. */
  against: Hex | null
  /** Runs of it that were judged. */
  judged: number
  /** Its shadow run that is under way. */
  shadow: Promise<void> | null
}

/**
 * Versions that are tried beside those at work: as a shadow, which repeats runs and answers nobody, and as a canary, which
 * answers a share of them. What speaks against one sets it aside, over restarts, until the operator decides.
 */
export class Candidates {
  readonly #modules: CandidatesModules
  readonly #decisions: Decisions
  readonly #log: Logger
  readonly #told: ReturnType<typeof candidateMetrics>
  readonly #tried: ReadonlyMap<string, Tried>
  #stopped = false

  constructor(options: VersionOptions | undefined, modules: CandidatesModules) {
    this.#modules = modules
    this.#decisions = new Decisions(options?.folder ?? null)
    this.#log = modules.log
    this.#told = candidateMetrics(modules.metrics)
    const tried = (options?.candidates ?? []).map((each): [string, Tried] => [
      each.model,
      { options: each, trial: new Trial(each), against: null, judged: 0, shadow: null },
    ])
    this.#tried = new Map(tried)
  }

  /** An id never means it: it is tried, or was set aside. */
  heldBack(digest: Hex): boolean {
    const state = this.#decisions.of(digest)?.state
    if (state !== undefined) return state === 'set-aside'
    return [...this.#tried.values()].some(({ options }) => options.digest === digest)
  }

  stamp(): Promise<string> {
    return this.#decisions.stamp()
  }

  /** Reads what was decided. Rejects when the folder can't be read. */
  async refresh(): Promise<void> {
    const all = [...this.#tried.values()]
    const before = all.map(({ options }) => this.#decisions.of(options.digest))
    await this.#decisions.refresh()
    // Decided anew: what was seen of it before does not count any more.
    for (const [i, tried] of all.entries())
      if ((before[i] === undefined) !== (this.#decisions.of(tried.options.digest) === undefined)) {
        tried.against = null
        this.#modules.forgetDrift(tried.options.digest)
      }
  }

  /** Tells where each stands, once the models are there. */
  tell(): void {
    for (const { options } of this.#tried.values()) this.#told.state(options, this.#standing(options))
  }

  /** Answers a run of the version at work, or of any other that nothing is tried beside. */
  async run(request: InferenceRequest, live: ModelSlot, isLive: boolean): Promise<InferenceResult> {
    const tried = isLive ? this.#tried.get(live.entry.id) : undefined
    const candidate = tried === undefined ? null : this.#inTrial(tried, live)
    if (tried === undefined || candidate === null) return this.#modules.perform(live, request, false)
    const began = this.#modules.clock.monotonic()
    const answered = await this.#canary(tried, candidate, request)
    if (answered !== null) return answered
    const copy = this.#sampled(tried, request)
    const spentMs = this.#modules.clock.monotonic() - began
    const deadlineMs = Math.max(1, this.#deadlineMs(request) - spentMs)
    const result = await this.#modules.perform(live, { ...request, deadlineMs }, false)
    if (copy !== null) this.#begin(tried, { candidate, live, request: copy, result })
    return result
  }

  /**
   * What the operator has to know, in words. None of it makes the node unfit: what is tried answers no duty, and what is set
   * aside nobody.
   */
  concerns(): readonly string[] {
    const aside = this.#decisions
      .setAside()
      .map(
        ([digest, { reason }]) =>
          `version ${digest} is set aside (${reason}): decide with "iyi model retry", "promote" or "rollback"`,
      )
    const absent = [...this.#tried.values()].flatMap(({ options }) =>
      this.#standing(options) === 'absent'
        ? [
            `version ${options.digest} of ${options.model} is to be tried and can not be run: add it, or see why it is refused`,
          ]
        : [],
    )
    const alone = [...this.#tried.values()].flatMap(({ options: { digest, model }, options }) =>
      this.#standing(options) === 'trial' && this.#modules.live(model) === null
        ? [
            `version ${digest} of ${model} is to be tried, and no version of ${model} is at work: add one, or decide with "iyi model promote"`,
          ]
        : [],
    )
    return [...aside, ...absent, ...alone]
  }

  /** Resolves once nothing of it is under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const { shadow } of this.#tried.values()) await shadow
    await this.#decisions.settled()
  }

  #standing(options: CandidateOptions): CandidateState {
    const state = this.#decisions.of(options.digest)?.state
    return state ?? (this.#slotOf(options) === null ? 'absent' : 'trial')
  }

  /** Null when it can't be run, or is of another model. */
  #slotOf({ model, digest }: CandidateOptions): ModelSlot | null {
    const slot = this.#modules.usable(digest)
    return slot?.entry.id === model ? slot : null
  }

  /** The candidate's slot while it is tried against this version. */
  #inTrial(tried: Tried, live: ModelSlot): ModelSlot | null {
    const { options } = tried
    if (this.#stopped || this.#decisions.of(options.digest) !== undefined) return null
    const candidate = this.#slotOf(options)
    if (candidate === null || candidate === live) return null
    if (tried.against !== live.entry.digest) {
      tried.against = live.entry.digest
      tried.trial = new Trial(options)
      const why = unlike(live, candidate)
      if (why !== null) {
        this.#setAside(tried, why)
        return null
      }
    }
    return candidate
  }

  /** Null when the version at work is to answer. A duty is never the canary's: validators would answer by different versions. */
  async #canary(
    tried: Tried,
    candidate: ModelSlot,
    request: InferenceRequest,
  ): Promise<InferenceResult | null> {
    const { options, trial } = tried
    if (options.canary === 0 || request.model !== options.model || request.priority === 'duty') return null
    if (!trial.proven || this.#modules.random() >= options.canary) return null
    // The other half is left to the version at work, should it fail.
    const deadlineMs = Math.ceil(this.#deadlineMs(request) / 2)
    try {
      const result = await this.#modules.perform(candidate, { ...request, deadlineMs }, false)
      this.#told.ran(options, 'canary', 'answered', result.cached ? null : result.durationMs)
      this.#judge(tried, trial, { kind: 'answered' })
      return result
    } catch (error) {
      const code = error instanceof InferenceError ? error.code : null
      if (code === 'INFERENCE_CANCELLED') throw error
      const impatient = code === 'INFERENCE_TIMEOUT' && this.#deadlineMs(request) < this.#modules.deadlineMs
      // What callers do shall not speak against it. Of a bad input the version at work says so itself.
      if (code !== 'INFERENCE_BAD_INPUT' && !impatient) this.#failed(tried, trial, 'canary', error)
      return null
    }
  }

  /** A caller may ask for less than the operator allows. */
  #deadlineMs({ deadlineMs = Number.POSITIVE_INFINITY }: InferenceRequest): number {
    return Math.min(deadlineMs, this.#modules.deadlineMs)
  }

  /** What is to be repeated of a run, if it is: the caller may write into its own inputs meanwhile. */
  #sampled(tried: Tried, request: InferenceRequest): InferenceRequest | null {
    const { options } = tried
    if (this.#modules.random() >= options.shadow) return null
    const copy = tried.shadow === null ? repeated(request, options.digest) : null
    if (copy === null) this.#told.ran(options, 'shadow', 'skipped', null)
    return copy
  }

  #begin(tried: Tried, run: ShadowRun): void {
    if (tried.shadow !== null) {
      this.#told.ran(tried.options, 'shadow', 'skipped', null)
      return
    }
    tried.shadow = this.#shadow(tried, run).finally(() => {
      tried.shadow = null
    })
  }

  /** Never rejects. */
  async #shadow(tried: Tried, run: ShadowRun): Promise<void> {
    const { options, trial } = tried
    const expected = expectedOf(run)
    if (expected === null) {
      this.#told.ran(options, 'shadow', 'skipped', null)
      return
    }
    const { candidate, live, request, result } = run
    const { agreement, tolerance } = live.info()
    try {
      const got = await this.#modules.perform(candidate, request, true)
      const compared = compareAnswers(expected.values, got.quantized, {
        ...{ rule: agreement, tolerance: options.tolerance ?? tolerance, row: expected.row },
      })
      const { durationMs } = got
      this.#told.ran(options, 'shadow', compared.agrees ? 'agrees' : 'differs', durationMs)
      const liveMs = result.cached ? null : result.durationMs
      this.#judge(tried, trial, { kind: 'compared', ...compared, durationMs, liveMs })
    } catch (error) {
      this.#log.debug({ model: options.model, digest: options.digest, err: error }, 'Fail a shadow run')
      this.#failed(tried, trial, 'shadow', error)
    }
  }

  #failed(tried: Tried, trial: Trial, mode: 'shadow' | 'canary', error: unknown): void {
    if (this.#stopped) return
    const ran = wasRun(error)
    this.#told.ran(tried.options, mode, ran ? 'failed' : 'skipped', null)
    if (ran) this.#judge(tried, trial, { kind: 'failed', harm: harmful(error) })
  }

  #judge(tried: Tried, trial: Trial, run: TrialRun): void {
    const { options } = tried
    trial.add(run)
    // It was held against another version, or decided of meanwhile.
    if (tried.trial !== trial || this.#decisions.of(options.digest) !== undefined) return
    const figures = trial.figures()
    this.#told.figures(options, figures)
    const why = trial.verdict(figures) ?? this.#drifted(tried)
    if (why !== null) this.#setAside(tried, why)
  }

  /** What the world does moves both versions; one that alone moves is to blame. */
  #drifted(tried: Tried): string | null {
    if (++tried.judged % DRIFT_EVERY !== 0 || tried.against === null) return null
    const { outputDrift, usable } = this.#modules
    const [candidate, live] = [this.#slotOf(tried.options), usable(tried.against)]
    const { maxDrift } = tried.options
    const own = candidate === null ? null : outputDrift(candidate)
    const others = live === null ? null : outputDrift(live)
    // Where nothing is known of the version at work, the world may have changed.
    if (own === null || own <= maxDrift || others === null || others > maxDrift) return null
    return `an output drifts from its reference by ${own.toFixed(2)}, more than ${maxDrift}, and none of the version at work by as much`
  }

  #setAside({ options: { model, digest } }: Tried, reason: string): void {
    const at = new Date(this.#modules.clock.now()).toISOString()
    const record: VersionRecord = { state: 'set-aside', by: 'node', at, reason }
    this.#log.error({ model, digest, reason }, 'Set a version of a model aside: the operator decides')
    void this.#decisions
      .save(digest, record)
      .catch((error: unknown) =>
        this.#log.error(
          { model, digest, reason: reasonOf(error) },
          'Fail to save that a version is set aside: a restart will try it again',
        ),
      )
    this.tell()
  }
}
