import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Hex } from '../../ports/chain.ts'
import { InferenceError } from '../../ports/inference-error.ts'

const recordSchema = z.strictObject({
  state: z.enum(['set-aside', 'promoted']),
  /** `node`: it was set aside by what was seen of it. */
  by: z.enum(['node', 'operator']),
  /** ISO 8601. */
  at: z.iso.datetime(),
  reason: z.string().max(1_000),
})

/** What was decided of one version of a model. */
export type VersionRecord = z.infer<typeof recordSchema>

const FILE = /^(0x[0-9a-f]{64})\.json$/

/**
 * What was decided of versions, a file each, so that node and commands need no lock. A file that can't be read counts as set
 * aside by the node: whoever wrote it had something to say. Rejects with `INFERENCE_BAD_MANIFEST` when the folder can't be read.
 */
export async function readVersionStates(folder: string): Promise<ReadonlyMap<Hex, VersionRecord>> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw new InferenceError(
      'INFERENCE_BAD_MANIFEST',
      '',
      `What was decided of versions can not be read (${error.message}). Let the node read and write ${folder}.`,
      error,
    )
  })
  const found = new Map<Hex, VersionRecord>()
  for (const name of names) {
    const digest = FILE.exec(name)?.[1] as Hex | undefined
    if (digest === undefined) continue
    const record = await readRecord(join(folder, name))
    if (record !== null) found.set(digest, record)
  }
  return found
}

/** Tells whether something was decided since. */
export async function stampOfVersionStates(folder: string): Promise<string> {
  // Each decision is a file that is renamed into the folder, or removed from it.
  const found = await stat(folder).catch(() => null)
  return found === null ? 'none' : `${found.ino} ${found.mtimeMs}`
}

/** On disk when it resolves. */
export async function writeVersionState(folder: string, digest: Hex, record: VersionRecord): Promise<void> {
  await mkdir(folder, { recursive: true })
  const path = join(folder, `${digest}.json`)
  const draft = `${path}.${process.pid}.new`
  const file = await open(draft, 'w')
  try {
    await file.writeFile(`${JSON.stringify(record, null, 2)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, path)
}

/** Forgets what was decided. */
export async function removeVersionState(folder: string, digest: Hex): Promise<void> {
  await rm(join(folder, `${digest}.json`), { force: true })
}

/** Null when it was removed meanwhile. */
async function readRecord(path: string): Promise<VersionRecord | null> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    return {
      ...{ state: 'set-aside', by: 'node', at: new Date(0).toISOString() },
      reason: `${path} can not be read: decide again with "iyi model promote", "rollback" or "retry"`,
    }
  }
}
