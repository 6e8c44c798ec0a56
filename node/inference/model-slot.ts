import { join } from 'node:path'
import type { ModelInfo } from '../ports/inference.ts'
import type { InferenceBackend, OpenModel, RuntimePort } from '../ports/inference-backend.ts'
import { BackendError, InferenceError } from '../ports/inference-error.ts'
import type { Logger } from '../ports/log.ts'
import type { Tensor, Tensors } from '../ports/tensor.ts'
import { stampOf } from './file-stamp.ts'
import { checkGoldens, type GoldenCase, readGoldens } from './goldens.ts'
import { runTogether } from './independence.ts'
import type { ManifestModel } from './manifest.ts'
import { ModelRefusal, reasonOf } from './model-refusal.ts'
import { readOnnx } from './onnx-file.ts'
import { applyOperations, OperationFault, rawPorts } from './pipeline.ts'
import { quantizeTensor } from './quantize.ts'
import { checkFinite, checkOutputs } from './tensors.ts'
import { readVerified } from './verified-file.ts'

/** Runs an open model in its turn. */
export type Run = (
  open: { readonly model: OpenModel; readonly backend: InferenceBackend },
  inputs: Tensors,
) => Promise<Record<string, Tensor>>

interface Opened {
  readonly model: OpenModel
  readonly backend: InferenceBackend
  readonly goldens: readonly GoldenCase[]
}

/** One model of a manifest: refused until a provider gave its goldens back. */
export class ModelSlot {
  readonly entry: ManifestModel
  /** Real path of the folder that its files are looked for in. */
  readonly root: string
  #opened: Opened | null = null
  #refusal: string | null = 'it was not loaded yet'
  #missed = false
  /** What its files were when they were last opened. */
  #files = ''

  constructor(entry: ManifestModel, root: string) {
    this.entry = entry
    this.root = root
  }

  get refusal(): string | null {
    return this.#refusal
  }

  /** It is refused because a backend could not be reached: another try may do. */
  get missed(): boolean {
    return this.#opened === null && this.#missed
  }

  /** It is refused, and its files are others than those that it was refused for: copied behind the manifest, or restored. */
  async hasOtherFiles(): Promise<boolean> {
    return this.#refusal !== null && this.#opened === null && (await this.#stamp()) !== this.#files
  }

  get provider(): string {
    return this.#opened?.model.provider ?? 'none'
  }

  get opened(): { readonly model: OpenModel; readonly backend: InferenceBackend } | null {
    return this.#opened
  }

  /**
   * Reads and verifies the files, then takes the first provider that opens the model and gives its goldens back within
   * tolerance. Never rejects: what goes wrong becomes the refusal.
   */
  async open(
    options: { providers: readonly string[] },
    modules: {
      backends: readonly InferenceBackend[]
      run: Run
      log: Logger
      providerFailed: (provider: string) => void
    },
  ): Promise<void> {
    const { entry, root } = this
    this.#files = await this.#stamp()
    try {
      const bytes = await readVerified(root, entry.file, entry.sha256)
      checkFile(entry, bytes)
      const goldens = readGoldens(entry, await readVerified(root, entry.goldens.file, entry.goldens.sha256))
      for (const provider of options.providers) {
        const backend = modules.backends.find(
          (each) => each.providers.includes(provider) && each.takes(entry.id),
        )
        if (backend === undefined) continue
        try {
          const { id, version, digest } = entry
          const model = await backend.open({ id, version, digest, bytes }, provider)
          await this.#test({ model, backend, goldens }, modules.run)
          return
        } catch (error) {
          this.#refusal = `on ${provider}: ${reasonOf(error)}`
          this.#missed ||= error instanceof BackendError && error.code === 'BACKEND_LOST'
          modules.providerFailed(provider)
          modules.log.warn(
            { model: entry.id, provider, reason: reasonOf(error) },
            'Give up an execution provider; the next one is tried',
          )
        }
      }
    } catch (error) {
      this.#refusal = reasonOf(error)
    }
  }

  async #stamp(): Promise<string> {
    const { file, goldens } = this.entry
    return (await Promise.all([file, goldens.file].map((name) => stampOf(join(this.root, name))))).join()
  }

  /** Runs the goldens once more: what they say is what the model is, from then on. Never rejects. */
  async selfTest(run: Run): Promise<void> {
    const opened = this.#opened
    if (opened === null) return
    try {
      await checkGoldens(this.entry, opened.goldens, (inputs) => this.#quantized(opened, inputs, run))
      this.#refusal = null
    } catch (error) {
      // Only what it answers speaks against it; that it could not be asked now does not.
      if (error instanceof ModelRefusal) this.#refusal = `on ${opened.model.provider}: ${reasonOf(error)}`
    }
  }

  /** What the network's outputs mean: checked, and as the manifest's postprocessing leaves them. */
  finish(outputs: Tensors): Tensors {
    checkOutputs(this.entry, outputs)
    const { id, postprocessing } = this.entry
    if (postprocessing.length === 0) return outputs
    try {
      const finished = applyOperations(postprocessing, outputs)
      checkFinite(id, finished)
      return finished
    } catch (error) {
      if (!(error instanceof OperationFault)) throw error
      throw new InferenceError(
        'INFERENCE_FAILED',
        id,
        `What model ${id} answered can not be postprocessed: ${error.message}. Check the model.`,
        error,
      )
    }
  }

  quantize(outputs: Tensors): bigint[] {
    const { output, decimals } = this.entry.quantization
    const tensor = outputs[output]
    return tensor === undefined ? [] : quantizeTensor(tensor, decimals)
  }

  /** Gives the runtime's memory back; the model can't be run any more. */
  async close(): Promise<void> {
    const opened = this.#opened
    this.#opened = null
    this.#refusal = 'it was taken out'
    await opened?.model.close()
  }

  info(): ModelInfo {
    const { entry } = this
    return {
      id: entry.id,
      version: entry.version,
      digest: entry.digest,
      sha256: entry.sha256,
      inputs: entry.inputs,
      rawInputs: rawPorts(entry.preprocessing, entry.inputs),
      outputs: entry.outputs,
      quantization: entry.quantization,
      tolerance: { absolute: BigInt(entry.tolerance.absolute), relativePpm: entry.tolerance.relativePpm },
      batched: entry.batched,
      agreement: entry.agreement ?? { rule: 'median', tolerances: [entry.tolerance] },
      request: entry.request ?? null,
      features: entry.features ?? null,
      provider: this.provider,
      status: this.#refusal === null ? { ok: true } : { ok: false, reason: this.#refusal },
    }
  }

  async #test(opened: Opened, run: Run): Promise<void> {
    try {
      comparePorts('input', this.entry.inputs, opened.model.inputs)
      comparePorts('output', this.entry.outputs, opened.model.outputs)
      await checkGoldens(this.entry, opened.goldens, (inputs) => this.#quantized(opened, inputs, run))
      if (this.entry.batched) await this.#testRows(opened, run)
    } catch (error) {
      await opened.model.close()
      throw error
    }
    this.#opened = opened
    this.#refusal = null
  }

  async #testRows(opened: Opened, run: Run): Promise<void> {
    const together = await runTogether(opened.goldens, (inputs) => run(opened, inputs))
    try {
      await checkGoldens(this.entry, opened.goldens, async (inputs) =>
        this.quantize(this.finish(together.get(inputs) ?? {})),
      )
    } catch (error) {
      if (!(error instanceof ModelRefusal)) throw error
      throw new ModelRefusal(
        `it is called batched, and its rows depend on each other: together with others, ${error.message}; say "batched": false`,
      )
    }
  }

  async #quantized(opened: Opened, inputs: Tensors, run: Run): Promise<readonly bigint[]> {
    return this.quantize(this.finish(await run(opened, inputs)))
  }
}

/** What can be told before the runtime sees a file. Throws `ModelRefusal`, `OnnxFileError`. */
function checkFile(entry: ManifestModel, bytes: Uint8Array): void {
  const { externalData, opset } = readOnnx(bytes)
  if (externalData.length > 0)
    throw new ModelRefusal(
      `it keeps weights in other files (${externalData[0]}), which its digest does not bind; export it as one file`,
    )
  if (opset !== entry.opset)
    throw new ModelRefusal(`its operator set is ${opset}, the manifest says ${entry.opset}`)
}

function comparePorts(kind: string, declared: ManifestModel['inputs'], actual: readonly RuntimePort[]): void {
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
