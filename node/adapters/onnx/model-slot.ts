import type { ModelInfo, Tensor } from '../../ports/inference.ts'
import type { Logger } from '../../ports/log.ts'
import { checkGoldens, type GoldenCase, readGoldens } from './goldens.ts'
import { ModelRefusal, RuntimeFailure } from './inference-error.ts'
import type { ManifestModel } from './manifest.ts'
import { quantize } from './quantize.ts'
import type { RunQueue } from './run-queue.ts'
import { openSession, type Session, type SessionPort } from './session.ts'
import { checkOutputs } from './tensors.ts'
import { readVerified } from './verified-file.ts'

export type Provider = 'cpu' | 'webgpu' | 'cuda'

/** One model of the manifest: refused until a provider gave its goldens back. */
export class ModelSlot {
  readonly entry: ManifestModel
  #session: Session | null = null
  #provider: Provider | 'none' = 'none'
  #refusal: string | null = 'it was not loaded yet'

  constructor(entry: ManifestModel) {
    this.entry = entry
  }

  get refusal(): string | null {
    return this.#refusal
  }

  get provider(): string {
    return this.#provider
  }

  /**
   * Reads and verifies the files, then takes the first provider that opens the model and gives its goldens back within
   * tolerance. Never rejects: what goes wrong becomes the refusal.
   */
  async open(
    options: { root: string; providers: readonly Provider[]; threads: number },
    modules: { queue: RunQueue; log: Logger; providerFailed: (provider: Provider) => void },
  ): Promise<void> {
    try {
      const bytes = await readVerified(options.root, this.entry.file, this.entry.sha256)
      const { goldens } = this.entry
      const cases = readGoldens(this.entry, await readVerified(options.root, goldens.file, goldens.sha256))
      for (const provider of options.providers) {
        try {
          await this.#tryProvider({ bytes, cases }, provider, options.threads, modules.queue)
          return
        } catch (error) {
          this.#refusal = `on ${provider}: ${reasonOf(error)}`
          modules.providerFailed(provider)
          modules.log.warn(
            { model: this.entry.id, provider, reason: reasonOf(error) },
            'Give up an execution provider; the next one is tried',
          )
        }
      }
    } catch (error) {
      this.#refusal = reasonOf(error)
    }
  }

  /** Runs the model; the inputs were checked. Rejects with what `checkOutputs` throws, or `RuntimeFailure`. */
  async run(inputs: Readonly<Record<string, Tensor>>, queue: RunQueue) {
    if (this.#session === null) throw new RuntimeFailure('the model is not loaded')
    return this.#runOn(this.#session, inputs, queue)
  }

  /** Gives the runtime's memory back; the model can't be run any more. */
  async close(): Promise<void> {
    const session = this.#session
    this.#session = null
    await session?.release()
  }

  info(): ModelInfo {
    const { entry } = this
    return {
      id: entry.id,
      version: entry.version,
      digest: entry.digest,
      sha256: entry.sha256,
      inputs: entry.inputs,
      outputs: entry.outputs,
      quantization: entry.quantization,
      tolerance: { absolute: BigInt(entry.tolerance.absolute), relativePpm: entry.tolerance.relativePpm },
      provider: this.#provider,
      status: this.#refusal === null ? { ok: true } : { ok: false, reason: this.#refusal },
    }
  }

  async #tryProvider(
    { bytes, cases }: { bytes: Uint8Array; cases: readonly GoldenCase[] },
    provider: Provider,
    threads: number,
    queue: RunQueue,
  ): Promise<void> {
    const session = await openSession(bytes, provider, threads)
    try {
      comparePorts('input', this.entry.inputs, session.inputs)
      comparePorts('output', this.entry.outputs, session.outputs)
      await checkGoldens(
        this.entry,
        cases,
        async (inputs) => (await this.#runOn(session, inputs, queue)).quantized,
      )
    } catch (error) {
      await session.release()
      throw error
    }
    this.#session = session
    this.#provider = provider
    this.#refusal = null
  }

  async #runOn(session: Session, inputs: Readonly<Record<string, Tensor>>, queue: RunQueue) {
    const outputs = await queue.add(() => session.run(inputs))
    checkOutputs(this.entry, outputs)
    const { output, decimals } = this.entry.quantization
    const quantized = Array.from(outputs[output]?.data ?? [], (value) => quantize(value, decimals))
    return { outputs, quantized }
  }
}

function comparePorts(kind: string, declared: ManifestModel['inputs'], actual: readonly SessionPort[]): void {
  const say = (ports: readonly { name: string; type: string; shape: readonly unknown[] }[]) =>
    ports
      .map(
        (port) => `${port.name} ${port.type}[${port.shape.map((s) => (typeof s === 'number' ? s : 'any'))}]`,
      )
      .sort()
      .join('; ')
  if (say(declared) !== say(actual))
    throw new ModelRefusal(`its ${kind}s are ${say(actual)}, the manifest says ${say(declared)}`)
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.replaceAll(/\s+/g, ' ').slice(0, 500)
}
