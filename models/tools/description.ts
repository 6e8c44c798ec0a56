/** A tensor as manifest.json describes it; null is a dynamic axis. */
export interface PortDescription {
  readonly name: string
  readonly type: 'float32'
  readonly shape: readonly (number | null)[]
}

/** What a model's `model.ts` says of it; manifest.json is printed from this and the files' hashes. */
export interface ModelDescription {
  /** Also the folder below models/, and the name of the ONNX file. */
  readonly id: string
  readonly version: string
  readonly opset: number
  readonly input: PortDescription
  /** The output that nodes agree on, as integers of `decimals` decimals. */
  readonly output: PortDescription & { readonly decimals: number }
  /** The first axis counts independent rows: a row's answer does not depend on the others. */
  readonly batched: boolean
  /** Which implementation of features, in which version, makes the input from what is indexed. */
  readonly features?: { readonly set: string; readonly version: number }
  readonly preprocessing: readonly Readonly<Record<string, string | number>>[]
  /** Contracts may ask it, with numbers of so many decimals. */
  readonly request?: { readonly decimals: number }
  /** Two nodes' answers may lie max(absolute, value * relativePpm / 1e6) quantised units apart. */
  readonly tolerance: { readonly absolute: string; readonly relativePpm: number }
  /** Decimals of the integers that goldens.json and torch.json give as inputs. */
  readonly inputDecimals: number
}

/** The models' folder; every program here works from any folder. */
export const MODELS = new URL('../', import.meta.url)

/** A file of a model. */
export function fileOf(model: Pick<ModelDescription, 'id'>, name: string): URL {
  return new URL(`${model.id}/${name}`, MODELS)
}
