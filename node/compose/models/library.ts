import { mkdir, mkdtemp, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { NodeConfig } from '../../config/schema.ts'
import { type ManifestModel, parseManifest, readManifest } from '../../inference/manifest.ts'
import { readOnnx } from '../../inference/onnx-file.ts'
import { readVerified } from '../../inference/verified-file.ts'
import { ownManifestPath } from '../inference.ts'
import { manifestPath } from '../manifest-path.ts'
import { ModelError } from './errors.ts'
import { fetchFolder, isRemote } from './fetch-folder.ts'
import { withLock } from './lock.ts'
import { stageModel } from './stage.ts'
import { type Verified, verifyStaged } from './verify.ts'

/** Begins the names of folders of models that are not verified yet. */
const STAGING = '.new-'

interface Known {
  readonly entry: ManifestModel
  readonly written: unknown
  /** Folder that its files lie in. */
  readonly root: string
  readonly source: 'node' | 'added'
}

export interface AddRequest {
  /** A folder, or an address of one. */
  readonly source: string
  /** Through which `ipfs://` is fetched. */
  readonly gateway: string | null
  /** Nothing but this is added. */
  readonly digest: string | null
}

/**
 * Verifies a folder and makes it one of the node's own models; a node that runs takes it up by itself. Rejects with
 * `ModelError`, and then nothing has changed.
 */
export async function addModel(config: NodeConfig, request: AddRequest): Promise<Verified> {
  const { source, gateway } = request
  const path = ownManifestPath(config)
  const library = dirname(path)
  await mkdir(library, { recursive: true })
  return withLock(`${path}.lock`, async () => {
    // What others left behind that were killed: nobody else is at it now.
    for (const name of await readdir(library))
      if (name.startsWith(STAGING)) await rm(join(library, name), { recursive: true, force: true })
    // In the same folder, so that it can be renamed.
    const staging = await mkdtemp(join(library, STAGING))
    try {
      const fetched = join(staging, 'fetched')
      if (isRemote(source)) await fetchFolder(source, gateway, fetched)
      const staged = await stageModel(isRemote(source) ? fetched : source, staging)
      const { id, version, digest } = staged.entry
      if (request.digest !== null && request.digest.toLowerCase() !== digest)
        throw new ModelError(
          'MODEL_REFUSED',
          `${source} holds the model ${digest}, not ${request.digest}. Ask whoever gave you the digest; nothing was added.`,
        )
      const own = await readOwn(path)
      const same = own.find(({ entry }) => entry.id === id && entry.version === version)
      if (same !== undefined)
        throw new ModelError(
          'MODEL_EXISTS',
          `Model ${id} ${version} is there already, as ${same.entry.digest}. Give the new one another version, or remove the old one first: iyi model remove ${same.entry.digest}`,
        )
      const verified = await verifyStaged(staged, staging)
      await rm(join(library, digest), { recursive: true, force: true })
      await rename(join(staging, digest), join(library, digest))
      await writeManifest(path, [...own.map(({ written }) => written), staged.written])
      return verified
    } finally {
      await rm(staging, { recursive: true, force: true })
    }
  })
}

/** Takes a model away that was added: the newest of an id, or the one of a digest. Rejects with `ModelError`. */
export async function removeModel(config: NodeConfig, model: string) {
  const path = ownManifestPath(config)
  await mkdir(dirname(path), { recursive: true })
  return withLock(`${path}.lock`, async () => {
    const own = await readOwn(path)
    const gone = find(own, model, 'was added to this node; those of the node itself stay')
    await writeManifest(
      path,
      own.filter((each) => each !== gone).map(({ written }) => written),
    )
    await rm(gone.root, { recursive: true, force: true })
    return listed(gone)
  })
}

/** Every model of the configured manifest and of the operator, in the order in which the later version is the newer. */
export async function listModels(config: NodeConfig) {
  return (await readAll(config)).map(listed)
}

/** What a model's entry and its file say. Rejects with `ModelError`, `OnnxFileError`. */
export async function showModel(config: NodeConfig, model: string) {
  const found = await findModel(config, model)
  const { inputs, outputs, batched, quantization, tolerance, reference, file, sha256 } = found.entry
  const bytes = await readVerified(found.root, file, sha256).catch((cause: unknown) => {
    throw new ModelError(
      'MODEL_REFUSED',
      `Model ${model} can not be shown: ${cause instanceof Error ? cause.message : String(cause)}.`,
      cause,
    )
  })
  const { opset, producer, parameters, operators } = readOnnx(bytes)
  const watched = [...(reference?.inputs ?? []), ...(reference?.outputs ?? [])]
  return {
    ...listed(found),
    ...{ inputs, outputs, batched, quantization, tolerance, opset, producer, parameters, operators },
    reference: watched.flatMap(({ columns }) =>
      columns.map(({ name, counts }) => ({ name, values: counts.reduce((sum, count) => sum + count, 0) })),
    ),
  }
}

/** The newest of an id, or the one of a digest. Rejects with `ModelError` `MODEL_UNKNOWN`. */
export async function findModel(config: NodeConfig, model: string): Promise<Known> {
  return find(await readAll(config), model, 'is known to this node')
}

async function readAll(config: NodeConfig): Promise<readonly Known[]> {
  const path = manifestPath(config)
  const node = readManifest(path).map((entry): Known => {
    return { entry, written: entry, root: dirname(path), source: 'node' }
  })
  return [...node, ...(await readOwn(ownManifestPath(config)))]
}

async function readOwn(path: string): Promise<readonly Known[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{"models":[]}'
    throw error
  })
  const entries = parseManifest(text)
  const { models } = JSON.parse(text) as { models: readonly unknown[] }
  return entries.map((entry, i) => ({
    ...{ entry, written: models[i], source: 'added' as const },
    root: join(dirname(path), entry.digest),
  }))
}

/** In one step and on disk, as a node that runs reads it at any time. */
async function writeManifest(path: string, models: readonly unknown[]): Promise<void> {
  const file = await open(`${path}.new`, 'w')
  try {
    await file.writeFile(`${JSON.stringify({ models }, null, 2)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
}

function find(models: readonly Known[], model: string, what: string): Known {
  const found = models.findLast(({ entry }) => entry.id === model || entry.digest === model)
  if (found !== undefined) return found
  throw new ModelError(
    'MODEL_UNKNOWN',
    `No model ${JSON.stringify(model)} ${what}. "iyi model list" prints ids and digests.`,
  )
}

const listed = ({ entry: { id, version, digest }, source }: Known) => ({ id, version, digest, source })
