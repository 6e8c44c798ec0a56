import { realpath, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Hex } from '../ports/chain.ts'
import type { Health } from '../ports/health.ts'
import type { InferenceBackend } from '../ports/inference-backend.ts'
import { InferenceError } from '../ports/inference-error.ts'
import type { Logger } from '../ports/log.ts'
import { stampOf } from './file-stamp.ts'
import type { InferenceMetrics } from './inference-metrics.ts'
import { type ManifestModel, readManifest } from './manifest.ts'
import { reasonOf } from './model-refusal.ts'
import { ModelSlot, type Run } from './model-slot.ts'

export interface ManifestSource {
  readonly path: string
  /** One that is missing has no models. */
  readonly optional: boolean
  /** Each model's files lie in a folder beside the manifest that its digest names, not beside the manifest itself. */
  readonly byDigest?: boolean
}

interface ModelSetOptions {
  readonly manifests: readonly ManifestSource[]
  readonly providers: readonly string[]
}

interface ModelSetModules {
  readonly backends: readonly InferenceBackend[]
  readonly run: Run
  /** Resolves once what was asked of an open model is answered. */
  readonly drained: (slot: ModelSlot) => Promise<void>
  /** Drops what is kept of a model's answers. */
  readonly forget: (digest: string) => void
  readonly versions: {
    /** An id never means it, and what runs the others does not run it. */
    heldBack(digest: Hex): boolean
    /** Reads again what is held back. */
    refresh(): Promise<void>
    stamp(): Promise<string>
    /** The models are there. */
    tell(): void
  }
  /** What runs what is held back; as the others where it is null. */
  readonly apart: InferenceBackend | null
  readonly log: Logger
  readonly told: InferenceMetrics
}

/** Of so many looks at the manifests one tries again what could not be opened. */
const MISSED_EVERY = 15

/** The models of the manifests, by digest. They can be read again while the models are at work. */
export class ModelSet {
  readonly #options: ModelSetOptions
  readonly #modules: ModelSetModules
  /** In the manifests' order: of two versions of a model the later one is the newer. */
  #slots: readonly ModelSlot[] = []
  #fault: string | null = null
  #seen = ''
  #looks = 0
  /** One load after another. */
  #work: Promise<void> = Promise.resolve()

  constructor(options: ModelSetOptions, modules: ModelSetModules) {
    this.#options = options
    this.#modules = modules
  }

  /** What is held back comes first, so that the last of an id is the one that the id means. */
  list(): readonly ModelSlot[] {
    const { versions } = this.#modules
    const { apart = [], rest = [] } = Object.groupBy(this.#slots, ({ entry }) =>
      versions.heldBack(entry.digest) ? 'apart' : 'rest',
    )
    return [...apart, ...rest]
  }

  /** The version that an id means: the newest that is not held back. */
  live(id: string): ModelSlot | null {
    const { versions } = this.#modules
    return this.#slots.findLast(({ entry }) => entry.id === id && !versions.heldBack(entry.digest)) ?? null
  }

  /** A version that can be run. */
  usable(digest: Hex): ModelSlot | null {
    return this.#slots.find(({ entry, refusal }) => entry.digest === digest && refusal === null) ?? null
  }

  /** By id, the newest version that is not held back, or by digest. Throws `INFERENCE_UNKNOWN_MODEL`, `INFERENCE_REFUSED`. */
  find(model: string): ModelSlot {
    const slot = this.known(model)
    if (slot.refusal !== null)
      throw new InferenceError('INFERENCE_REFUSED', model, `Model ${model} is refused: ${slot.refusal}.`)
    return slot
  }

  /** The same, refused ones too. Throws `INFERENCE_UNKNOWN_MODEL`. */
  known(model: string): ModelSlot {
    const slot = this.#slots.find(({ entry }) => entry.digest === model) ?? this.live(model)
    if (slot === null) {
      if (this.#slots.some(({ entry }) => entry.id === model))
        throw new InferenceError(
          'INFERENCE_UNKNOWN_MODEL',
          model,
          `Every version of model ${model} is tried or was set aside: add another one, or "iyi model promote" one.`,
        )
      const known = [...new Set(this.#slots.map(({ entry }) => entry.id))].join(', ')
      throw new InferenceError(
        'INFERENCE_UNKNOWN_MODEL',
        model,
        `There is no model ${JSON.stringify(model).slice(0, 100)} in the manifest. It has: ${known || 'none'}.`,
      )
    }
    return slot
  }

  /** Rejects with `INFERENCE_BAD_MANIFEST`; the models are then as they were. */
  load(): Promise<void> {
    const next = this.#work.then(() => this.#load())
    this.#work = next.catch(() => {})
    return next
  }

  /**
   * Loads when a manifest's file is another one than before, when a refused model's files are, and now and then when a model
   * could not be opened because its backend was away. Never rejects: a bad manifest is told by log and health.
   */
  async reloadIfChanged(): Promise<void> {
    const again = ++this.#looks % MISSED_EVERY === 0 && this.#slots.some(({ missed }) => missed)
    if (!again && (await this.#stamp()) === this.#seen && !(await this.#hasOtherFiles())) return
    try {
      await this.load()
    } catch (error) {
      this.#modules.log.error({ err: error }, 'Keep the models as they were: the manifest is not usable')
    }
  }

  async #hasOtherFiles(): Promise<boolean> {
    return (await Promise.all(this.#slots.map((slot) => slot.hasOtherFiles()))).includes(true)
  }

  async selfTest(): Promise<void> {
    // Not while they are exchanged: what is taken out is not asked any more.
    const next = this.#work.then(() => this.#selfTest())
    this.#work = next
    await next
  }

  async #selfTest(): Promise<void> {
    for (const slot of this.#slots) {
      const before = slot.refusal
      await slot.selfTest(this.#modules.run)
      if (slot.refusal === before) continue
      // It may have drifted for as long as nobody looked.
      if (slot.refusal !== null) this.#modules.forget(slot.entry.digest)
      this.#report(slot)
    }
  }

  async close(): Promise<void> {
    await this.#work
    for (const slot of this.#slots) await slot.close()
  }

  health(): Health {
    const { versions } = this.#modules
    const refused = this.#slots.filter(
      ({ refusal, entry }) => refusal !== null && !versions.heldBack(entry.digest),
    )
    if (this.#fault !== null) return { status: 'degraded', reason: this.#fault }
    if (refused.length === 0) return { status: 'ok', detail: `${this.#slots.length} models` }
    return {
      status: refused.length === this.#slots.length ? 'failed' : 'degraded',
      reason: refused.map((slot) => `model ${slot.entry.id} is refused: ${slot.refusal}`).join('; '),
    }
  }

  async #load(): Promise<void> {
    const { run, log, told, versions } = this.#modules
    this.#seen = await this.#stamp()
    let entries: readonly { entry: ManifestModel; root: string }[]
    try {
      await versions.refresh()
      entries = (await Promise.all(this.#options.manifests.map(readOne))).flat()
      this.#fault = null
    } catch (error) {
      this.#fault = reasonOf(error)
      throw error
    }
    const slots: ModelSlot[] = []
    const added: ModelSlot[] = []
    const known = new Map(this.#slots.map((slot) => [slot.entry.digest, slot]))
    for (const { entry, root } of entries) {
      if (slots.some((slot) => slot.entry.digest === entry.digest)) continue
      const same = known.get(entry.digest)
      const backends = this.#backendsOf(entry.digest)
      // A refused one may have got its file meanwhile, one that was held back is another's now.
      if (same?.refusal === null && same.opened !== null && backends.includes(same.opened.backend)) {
        slots.push(same)
        continue
      }
      const slot = new ModelSlot(entry, root)
      await slot.open(
        { providers: this.#options.providers },
        { backends, run, log, providerFailed: told.providerFailed },
      )
      slots.push(slot)
      added.push(slot)
    }
    const gone = this.#slots.filter((slot) => !slots.includes(slot))
    this.#slots = slots
    for (const slot of added) this.#report(slot)
    versions.tell()
    for (const slot of gone) {
      await this.#modules.drained(slot)
      await slot.close()
      this.#modules.forget(slot.entry.digest)
      if (!slots.some(({ entry }) => entry.digest === slot.entry.digest))
        log.info({ model: slot.entry.id, digest: slot.entry.digest }, 'Unload a model')
    }
  }

  #backendsOf(digest: Hex): readonly InferenceBackend[] {
    const { backends, apart, versions } = this.#modules
    return apart !== null && versions.heldBack(digest) ? [apart] : backends
  }

  #report(slot: ModelSlot): void {
    const { log, told } = this.#modules
    const { id, version, digest } = slot.entry
    told.usable(id, version, slot.refusal === null)
    if (slot.refusal === null)
      log.info({ model: id, version, digest, provider: slot.provider }, 'Load a model')
    else log.error({ model: id, version, reason: slot.refusal }, 'Refuse a model')
  }

  async #stamp(): Promise<string> {
    const stamps = this.#options.manifests.map(({ path }) => stampOf(path))
    return (await Promise.all([...stamps, this.#modules.versions.stamp()])).join()
  }
}

async function readOne({ path, optional, byDigest = false }: ManifestSource) {
  const real = await realpath(path).catch(() => path)
  if (optional && (await stat(real).catch(() => null)) === null) return []
  const folder = dirname(real)
  return readManifest(real).map((entry) => ({ entry, root: byDigest ? join(folder, entry.digest) : folder }))
}
