import type { NodeConfig } from '../config/schema.ts'
import type { AgreementRule } from '../ports/agreement-rule.ts'

export interface PackOptions {
  /** The ONNX file. */
  readonly file: string
  readonly id: string
  readonly version: string
  /** New folder to write. */
  readonly out: string
  readonly decimals: number
  /** The output that nodes agree on; the only one where it is null. */
  readonly output: string | null
  readonly batched: boolean
  /** JSON file with a list of preprocessing operations. */
  readonly pre: string | null
  /** JSON file with inputs for the goldens; seeded random ones where it is null. */
  readonly inputs: string | null
  readonly goldens: number
  /** Lines of JSON, an input each, that the reference is made of; there is none where it is null. */
  readonly reference: string | null
}

/** What was made of an ONNX file. */
export interface Packed {
  readonly folder: string
  readonly digest: string
  readonly tolerance: { readonly absolute: string; readonly relativePpm: number }
  /** How far answers of the same inputs were apart here, in quantised units. */
  readonly widestGap: string
}

/** A folder that holds what it promises. */
export interface VerifiedModel {
  readonly id: string
  readonly version: string
  readonly digest: string
  readonly provider: string
}

export interface ListedModel {
  readonly id: string
  readonly version: string
  readonly digest: string
  /** `node`: of the configured manifest; `added`: by `iyi model add`; `wanted`: other validators shall give it. */
  readonly source: 'node' | 'added' | 'wanted'
  /** Of one that is wanted, in words. */
  readonly progress?: string
}

/** What an operator decides of a version that is tried. */
export type VersionDecision = 'promote' | 'rollback' | 'retry'

interface ShownPort {
  readonly name: string
  readonly type: string
  readonly shape: readonly (number | null)[]
}

interface ShownOperation {
  readonly op: string
  readonly tensor: string
}

export interface ShownModel extends ListedModel {
  readonly file: string
  readonly sha256: string
  readonly inputs: readonly ShownPort[]
  readonly outputs: readonly ShownPort[]
  readonly batched: boolean
  /** Which features its input is; null when a caller has it from elsewhere. */
  readonly features: { readonly set: string; readonly version: number } | null
  readonly preprocessing: readonly ShownOperation[]
  readonly postprocessing: readonly ShownOperation[]
  readonly quantization: { readonly output: string; readonly decimals: number }
  readonly tolerance: { readonly absolute: string; readonly relativePpm: number }
  /** How validators' results become one; null for the median within `tolerance`. */
  readonly agreement: AgreementRule | null
  /** Decimals of what contracts ask it with; null when they may not ask it. */
  readonly request: { readonly decimals: number } | null
  readonly goldens: { readonly file: string; readonly sha256: string }
  /** Inputs and outputs that are watched for drift, with how many values the reference has of each. */
  readonly reference: readonly { readonly name: string; readonly values: number }[]
  readonly opset: number
  readonly producer: string
  readonly parameters: number
  readonly operators: Readonly<Record<string, number>>
}

/** How fast a model answers runs of one size. */
export interface BenchFigures {
  readonly rows: number
  readonly runs: number
  readonly rowsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly provider: string
}

export interface CalibrateOptions {
  /** A folder, or the id or digest of a model that the node has. */
  readonly model: string
  readonly isFolder: boolean
  /** Random inputs beside the goldens. */
  readonly inputs: number
  readonly seed: number
  /** File for the results of this machine. */
  readonly export: string | null
  /** Such files of other machines. */
  readonly peers: readonly string[]
  /** Puts what is proposed into the folder. */
  readonly write: boolean
}

interface Scale {
  readonly decimals: number
  readonly tolerance: { readonly absolute: string; readonly relativePpm: number }
}

export interface Calibrated {
  readonly id: string
  readonly version: string
  readonly digest: string
  /** Markdown: the greatest gap of each way. */
  readonly table: string
  /** Greatest gap between any two, in words. */
  readonly spread: string
  readonly ways: number
  readonly peers: number
  readonly answered: number
  readonly unanswered: number
  readonly absent: readonly { readonly provider: string; readonly reason: string }[]
  readonly now: Scale
  /** What twice the greatest spread alone asks for. */
  readonly twice: Scale
  readonly proposed: Scale & { readonly margin: string }
  /** The folder's new digest, and its card. */
  readonly written: { readonly digest: string; readonly card: string } | null
}

/** What `iyi model` does to the world. */
export interface ModelDeps {
  /** Writes a folder with the model, its goldens and its entry. */
  pack(options: PackOptions): Promise<Packed>
  /** Runs every test that a node makes before it runs a model. */
  verify(options: { readonly folder: string }): Promise<VerifiedModel>
  /** The same of a model that the node has, by id or digest. */
  verifyKnown(config: NodeConfig, options: { readonly model: string }): Promise<VerifiedModel>
  /** Measures how far answers drift, and proposes tolerance and scale. */
  calibrate(config: NodeConfig, options: CalibrateOptions): Promise<Calibrated>
  /** Verifies a folder, or one at an address, and copies it to the node's own models. */
  add(
    config: NodeConfig,
    options: { readonly source: string; readonly gateway: string | null; readonly digest: string | null },
  ): Promise<VerifiedModel>
  /** Leaves the wish for a model of other validators, `peer:<digest>`, to the node that runs, or starts next. */
  addFromPeers(config: NodeConfig, source: string): Promise<{ readonly digest: string }>
  /** Takes one away that was added or is wanted. */
  remove(config: NodeConfig, options: { readonly model: string }): Promise<ListedModel>
  /** `standing`: why its id does not mean it; null when it may. */
  list(
    config: NodeConfig,
  ): Promise<readonly (ListedModel & { readonly standing: 'candidate' | 'set-aside' | null })[]>
  /** Writes down what was decided of a version; a node that runs follows. */
  decide(
    config: NodeConfig,
    options: { readonly model: string; readonly decision: VersionDecision },
  ): Promise<ListedModel>
  /** Reads a model's entry and its file. */
  show(config: NodeConfig, options: { readonly model: string }): Promise<ShownModel>
  /** Runs a model for `seconds` with runs of each size. */
  bench(
    config: NodeConfig,
    options: { readonly model: string; readonly seconds: number },
  ): Promise<readonly BenchFigures[]>
}
