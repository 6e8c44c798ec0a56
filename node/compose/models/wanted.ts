import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { NodeConfig } from '../../config/schema.ts'
import type { Hex } from '../../ports/chain.ts'
import { ownManifestPath } from '../inference.ts'
import { ModelError } from './errors.ts'

/** How a model that other validators shall give stands. `refused` is for good, until somebody asks for it again. */
export type WantedState =
  | { readonly state: 'waiting'; readonly reason: string }
  | { readonly state: 'fetching'; readonly file: string; readonly bytes: number; readonly size: number }
  | { readonly state: 'refused'; readonly reason: string }

const DIGEST = /^0x[0-9a-f]{64}$/
const PREFIX = 'peer:'

/** Whether `source` names a model of other validators. */
export const isFromPeers = (source: string): boolean => source.startsWith(PREFIX)

/** The digest in `peer:<digest>`. Throws `ModelError` `MODEL_UNREACHABLE`. */
export function digestOf(source: string): Hex {
  const digest = source.slice(PREFIX.length).toLowerCase()
  if (DIGEST.test(digest)) return digest as Hex
  throw new ModelError(
    'MODEL_UNREACHABLE',
    `${source} names no model: write peer: and the digest, 0x and 64 hexadecimal digits, as "iyi model list" of who has it prints.`,
  )
}

export function wantedFolder(config: Pick<NodeConfig, 'dataDir'>, digest = ''): string {
  return join(dirname(ownManifestPath(config)), 'wanted', digest)
}

/** Where the files of a wanted model come to lie: a model's folder, once all of them are there. */
export const wantedFiles = (config: Pick<NodeConfig, 'dataDir'>, digest: string): string =>
  join(wantedFolder(config, digest), 'model')

/** Leaves the wish for a running node, or for the next start of one. What came of it before stays. */
export async function wantModel(config: NodeConfig, digest: Hex): Promise<void> {
  await mkdir(wantedFiles(config, digest), { recursive: true })
  await tell(config, digest, { state: 'waiting', reason: 'no node of this data folder looked at it yet' })
}

/** Digests that somebody wants, and how they stand. */
export async function listWanted(
  config: Pick<NodeConfig, 'dataDir'>,
): Promise<readonly (WantedState & { readonly digest: Hex })[]> {
  const names = await readdir(wantedFolder(config)).catch(() => [])
  const found = await Promise.all(
    names
      .filter((name) => DIGEST.test(name))
      .map(async (digest) => {
        const state = await readState(config, digest)
        return { ...state, digest: digest as Hex }
      }),
  )
  return found.sort((a, b) => (a.digest < b.digest ? -1 : 1))
}

/** Takes the wish back, with what came of it. */
export async function unwantModel(config: Pick<NodeConfig, 'dataDir'>, digest: string): Promise<void> {
  await rm(wantedFolder(config, digest), { recursive: true, force: true })
}

/** Notes how a wish stands; nothing where it was taken back. */
export async function tell(
  config: Pick<NodeConfig, 'dataDir'>,
  digest: string,
  state: WantedState,
): Promise<void> {
  const path = join(wantedFolder(config, digest), 'status.json')
  try {
    await writeFile(`${path}.new`, JSON.stringify(state))
    await rename(`${path}.new`, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** In words, for a list. */
export function progressOf(state: WantedState): string {
  if (state.state === 'fetching') return `fetching ${state.file}: ${state.bytes} of ${state.size} bytes`
  return `${state.state}: ${state.reason}`
}

async function readState(config: Pick<NodeConfig, 'dataDir'>, digest: string): Promise<WantedState> {
  try {
    return JSON.parse(await readFile(join(wantedFolder(config, digest), 'status.json'), 'utf8'))
  } catch {
    return { state: 'waiting', reason: 'no node of this data folder looked at it yet' }
  }
}
