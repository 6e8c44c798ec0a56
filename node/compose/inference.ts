import { join } from 'node:path'
import { kserveBackend } from '../adapters/kserve/kserve-backend.ts'
import { onnxBackend } from '../adapters/onnx/onnx-backend.ts'
import { readPasswordFile } from '../config/password.ts'
import type { NodeConfig } from '../config/schema.ts'
import { type InferenceService, inferenceService } from '../inference/inference-service.ts'
import type { CandidateOptions } from '../inference/versions/candidate-options.ts'
import type { Hex } from '../ports/chain.ts'
import type { Clock } from '../ports/clock.ts'
import type { InferenceBackend, Provider } from '../ports/inference-backend.ts'
import type { Logger } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import type { ProcessGuard } from '../ports/process.ts'
import { manifestPath } from './manifest-path.ts'

/** How often the manifests are looked at for changes. */
const WATCH_MS = 2_000
/** A large model takes its time; one that takes longer is none that a node could start with. */
const LOAD_MS = 120_000
/** A run that settles a dispute is slow by its profile, and nobody waits for it. */
const REFERENCE_MS = 60_000
/** How far the processes of versions that are tried, and of disputes, stand back behind the node. */
const NICENESS = 10

/** Runs the models of the configured manifest and those that the operator added. */
export function nodeInference(
  config: NodeConfig,
  modules: { log: Logger; metrics: Metrics; clock: Clock; guard: ProcessGuard },
): InferenceService {
  const { threads, workers, memoryMb, runTimeoutMs, deadlineMs, batch, cacheMb, selfTestMinutes } =
    config.inference
  // What every machine has comes last.
  const providers: readonly Provider[] = [...new Set<Provider>([...config.inference.providers, 'cpu'])]
  const limits = { runMs: runTimeoutMs, loadMs: LOAD_MS, memoryBytes: memoryMb * 2 ** 20 }
  const onnx = onnxBackend({ providers, threads, workers, ...limits }, modules)
  const candidates = candidatesOf(config)
  // Whatever a version that is tried does to its process, the others go on; and it stands back for them.
  const apart =
    candidates.length === 0
      ? {}
      : {
          apart: onnxBackend(
            { providers, threads, workers: 1, ...limits, label: 'candidates-', niceness: NICENESS },
            modules,
          ),
        }
  const reference = onnxBackend(
    {
      ...{ providers: ['cpu'], threads: 1, optimisation: 'disabled', workers: 1 },
      ...{ runMs: REFERENCE_MS, loadMs: LOAD_MS, memoryBytes: memoryMb * 2 ** 20 },
      ...{ label: 'reference-', niceness: NICENESS },
    },
    modules,
  )
  const servers = serverBackends(config, modules)
  return inferenceService(
    {
      manifests: [
        { path: manifestPath(config), optional: false },
        { path: ownManifestPath(config), optional: true, byDigest: true },
      ],
      // A server is there to be used; what it can't do is done here.
      providers: [...servers.flatMap((server) => server.providers), ...providers],
      deadlineMs,
      maxBatchRows: batch.maxRows,
      maxBatchDelayMs: batch.maxDelayMs,
      cacheBytes: cacheMb * 2 ** 20,
      selfTestMs: selfTestMinutes * 60_000,
      watchMs: WATCH_MS,
      versions: { folder: versionsFolder(config), candidates },
    },
    { backends: [...servers, onnx], ...apart, reference, ...modules },
  )
}

function candidatesOf({ inference }: NodeConfig): readonly CandidateOptions[] {
  return Object.entries(inference.candidates).map(([model, { digest, tolerance, ...rest }]) => ({
    ...{ model, digest: digest as Hex, ...rest },
    tolerance:
      tolerance === undefined
        ? null
        : { absolute: BigInt(tolerance.absolute), relativePpm: tolerance.relativePpm },
  }))
}

/** None where no server is configured. */
function serverBackends(
  { inference: { server } }: NodeConfig,
  modules: { log: Logger; clock: Clock },
): readonly InferenceBackend[] {
  const { url, models, timeoutMs, lanes, tokenFile } = server
  if (url === undefined) return []
  const token = tokenFile === undefined ? {} : { token: readPasswordFile(tokenFile) }
  return [kserveBackend({ url, models, timeoutMs, lanes, ...token }, modules)]
}

/** What was decided of versions of models, by the node or the operator. */
export function versionsFolder({ dataDir }: Pick<NodeConfig, 'dataDir'>): string {
  return join(dataDir, 'models', 'versions')
}

/** The manifest of the models that `iyi model add` put into the data folder. */
export function ownManifestPath({ dataDir }: Pick<NodeConfig, 'dataDir'>): string {
  return join(dataDir, 'models', 'manifest.json')
}
