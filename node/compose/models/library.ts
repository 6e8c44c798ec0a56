import { mkdir, mkdtemp, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { NodeConfig } from '../../config/schema.ts'
import { readOnnx } from '../../inference/onnx-file.ts'
import { readVerified } from '../../inference/verified-file.ts'
import { readVersionStates, removeVersionState } from '../../inference/versions/version-states.ts'
import type { Hex } from '../../ports/chain.ts'
import { ownManifestPath, versionsFolder } from '../inference.ts'
import { ModelError } from './errors.ts'
import { fetchFolder, isRemote } from './fetch-folder.ts'
import { find, findModel, type Known, readAll, readOwn } from './known.ts'
import { withLock } from './lock.ts'
import { stageModel } from './stage.ts'
import { standingOf } from './standing.ts'
import { type Verified, verifyStaged } from './verify.ts'
import { digestOf, listWanted, progressOf, unwantModel, type WantedState, wantModel } from './wanted.ts'

/** Begins the names of folders of models that are not verified yet. */
const STAGING = '.new-'

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

/**
 * Asks for a model of other validators: a node that runs, or the next one that starts, fetches and adds it. Rejects with
 * `ModelError` `MODEL_UNREACHABLE`, `MODEL_EXISTS`.
 */
export async function addFromPeers(config: NodeConfig, source: string): Promise<{ readonly digest: Hex }> {
  const digest = digestOf(source)
  const same = (await readAll(config)).find(({ entry }) => entry.digest === digest)
  if (same !== undefined)
    throw new ModelError(
      'MODEL_EXISTS',
      `Model ${same.entry.id} ${same.entry.version} is there already, as ${digest}.`,
    )
  await wantModel(config, digest)
  return { digest }
}

/** Takes a model away that was added, or is wanted: the newest of an id, or the one of a digest. Rejects with `ModelError`. */
export async function removeModel(config: NodeConfig, model: string) {
  const path = ownManifestPath(config)
  await mkdir(dirname(path), { recursive: true })
  const wanted = (await listWanted(config)).find(({ digest }) => digest === model.toLowerCase())
  if (wanted !== undefined) {
    await unwantModel(config, wanted.digest)
    return listedWanted(wanted)
  }
  return withLock(`${path}.lock`, async () => {
    const own = await readOwn(path)
    const gone = find(own, model, 'was added to this node; those of the node itself stay')
    await writeManifest(
      path,
      own.filter((each) => each !== gone).map(({ written }) => written),
    )
    await rm(gone.root, { recursive: true, force: true })
    await removeVersionState(versionsFolder(config), gone.entry.digest)
    return listed(gone)
  })
}

/**
 * Every model of the configured manifest and of the operator, in the order in which the later version is the newer, and
 * then those that other validators shall give.
 */
export async function listModels(config: NodeConfig) {
  const standing = standingOf(config, await readVersionStates(versionsFolder(config)))
  const here = (await readAll(config)).map((known) => ({
    ...listed(known),
    standing: standing(known.entry.digest, known.entry.id),
  }))
  return [...here, ...(await listWanted(config)).map((each) => ({ ...listedWanted(each), standing: null }))]
}

/** All that a model's entry says, of the reference how much it holds, and what its file says. Rejects with `ModelError`, `OnnxFileError`. */
export async function showModel(config: NodeConfig, model: string) {
  const found = await findModel(config, model)
  const { reference, features = null, agreement = null, request = null, ...entry } = found.entry
  const bytes = await readVerified(found.root, entry.file, entry.sha256).catch((cause: unknown) => {
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
    // All of it, whatever a later version of the manifest adds.
    ...{ ...entry, features, agreement, request },
    ...{ opset, producer, parameters, operators },
    reference: watched.flatMap(({ columns }) =>
      columns.map(({ name, counts }) => ({ name, values: counts.reduce((sum, count) => sum + count, 0) })),
    ),
  }
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

const listedWanted = (wanted: WantedState & { readonly digest: Hex }) => ({
  ...{ id: '-', version: '-', digest: wanted.digest, source: 'wanted' as const },
  progress: progressOf(wanted),
})

const listed = ({ entry: { id, version, digest }, source }: Known) => ({ id, version, digest, source })
