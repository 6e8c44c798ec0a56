import { mkdir, rename, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { NodeConfig } from '../../config/schema.ts'
import type { ContentService } from '../../content/content-service.ts'
import { canonicalDigest } from '../../inference/canonical-json.ts'
import { type ManifestModel, parseManifest } from '../../inference/manifest.ts'
import { assertInside } from '../../inference/verified-file.ts'
import type { Hex } from '../../ports/chain.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import { ContentError } from '../../ports/content-error.ts'
import { IyiError } from '../../ports/errors.ts'
import type { Logger } from '../../ports/log.ts'
import { ModelError } from './errors.ts'
import { MAX_BYTES } from './fetch-folder.ts'
import { addModel } from './library.ts'
import { ENTRY_FILE, readEntry } from './stage.ts'
import { listWanted, tell, unwantModel, wantedFiles, wantedFolder } from './wanted.ts'

const LOOK_MS = 2_000
/** How often the note of a transfer is written. */
const NOTE_MS = 1_000
/** A node that ends waits no longer for a model's tests: the next one makes them anew. */
const STOP_MS = 3_000

/**
 * Fetches the models that the operator wants from other validators, one after another, and adds each as if its folder had
 * been there. What was interrupted is gone on with; a wish that is taken back ends its transfer.
 */
export function wantedModels(
  config: NodeConfig,
  modules: { readonly contents: ContentService; readonly clock: Clock; readonly log: Logger },
): { start(): void; stop(): Promise<void> } {
  const { contents, clock } = modules
  const log = modules.log.child({ module: 'models' })
  const stopped = new AbortController()
  let timer: Timer | null = null
  let work: Promise<void> = Promise.resolve()

  async function look(): Promise<void> {
    for (const { digest, state } of await listWanted(config)) {
      if (stopped.signal.aborted) return
      if (state !== 'refused') await fetchOne(digest)
    }
  }

  async function fetchOne(digest: Hex): Promise<void> {
    const unwanted = new AbortController()
    const watch = whileWanted(digest, unwanted)
    const signal = AbortSignal.any([stopped.signal, unwanted.signal])
    try {
      const entry = await entryOf(digest, signal)
      if (entry === null) {
        await tell(config, digest, { state: 'waiting', reason: 'nobody who is connected has it' })
        return
      }
      for (const [{ file, sha256 }, maxBytes] of [
        [entry, MAX_BYTES.model],
        [entry.goldens, MAX_BYTES.goldens],
      ] as const)
        await fetchFile(digest, { file, sha256, maxBytes }, signal)
      const source = wantedFiles(config, digest)
      const { id, version } = await addModel(config, { source, gateway: null, digest })
      await unwantModel(config, digest)
      log.info({ model: id, version, digest }, 'Add a model that other validators gave')
    } catch (error) {
      if (signal.aborted) return
      const reason = error instanceof Error ? error.message : String(error)
      const again = error instanceof IyiError && error.retry
      await tell(config, digest, { state: again ? 'waiting' : 'refused', reason })
      if (!again) log.warn({ digest, err: error }, 'Refuse a model that other validators gave')
    } finally {
      watch.cancel()
    }
  }

  /** Aborts once the wish is taken back. */
  function whileWanted(digest: Hex, unwanted: AbortController): Timer {
    let next: Timer
    const check = async () => {
      if ((await stat(wantedFolder(config, digest)).catch(() => null)) === null) unwanted.abort()
      else if (!ended) next = clock.setTimer(LOOK_MS, () => void check())
    }
    let ended = false
    next = clock.setTimer(LOOK_MS, () => void check())
    return {
      cancel: () => {
        ended = true
        next.cancel()
      },
    }
  }

  /** The entry, once somebody gave the one that has this digest. */
  async function entryOf(digest: Hex, signal: AbortSignal): Promise<ManifestModel | null> {
    const folder = wantedFiles(config, digest)
    const known = await readEntry(folder).catch(() => null)
    if (known?.entry.digest === digest) return known.entry
    const take = (bytes: Uint8Array) => {
      const written = writtenIn(bytes, digest)
      return written === null ? null : { entry: usable(written), text: JSON.stringify(written) }
    }
    const found = await contents.fetchEntry(digest, take, signal)
    if (found === null) return null
    await writeFile(join(folder, `${ENTRY_FILE}.new`), found.text)
    await rename(join(folder, `${ENTRY_FILE}.new`), join(folder, ENTRY_FILE))
    return found.entry
  }

  async function fetchFile(
    digest: Hex,
    { file, sha256, maxBytes }: { file: string; sha256: string; maxBytes: number },
    signal: AbortSignal,
  ): Promise<void> {
    assertInside(file)
    const path = join(wantedFiles(config, digest), file)
    if (file.includes('/')) await mkdir(dirname(path), { recursive: true })
    if ((await stat(path).catch(() => null)) !== null) return
    let notedMs = Number.NEGATIVE_INFINITY
    const onProgress = (bytes: number, size: number) => {
      if (clock.monotonic() - notedMs < NOTE_MS) return
      notedMs = clock.monotonic()
      // A note that can't be written is no reason to end the transfer.
      void tell(config, digest, { state: 'fetching', file, bytes, size }).catch(() => {})
    }
    await contents.fetchFile({ hash: sha256, path, maxBytes, signal, onProgress })
    if (signal.aborted) throw new ContentError('CONTENT_GIVEN_UP', `${file} is not wanted any more`)
  }

  return {
    start() {
      const again = () => {
        work = look().catch((error: unknown) => log.error({ err: error }, 'Fail to look after wanted models'))
        void work.then(() => {
          if (!stopped.signal.aborted) timer = clock.setTimer(LOOK_MS, again)
        })
      }
      again()
    },
    async stop() {
      stopped.abort()
      timer?.cancel()
      const late = Promise.withResolvers<void>()
      const patience = clock.setTimer(STOP_MS, late.resolve)
      await Promise.race([work, late.promise])
      patience.cancel()
    },
  }
}

/** The one entry that the bytes are, where it has this digest. */
function writtenIn(bytes: Uint8Array, digest: Hex): object | null {
  try {
    const written: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    return typeof written === 'object' && canonicalDigest(written) === digest ? written : null
  } catch {
    return null
  }
}

/** Throws `ModelError` `MODEL_REFUSED` for what is the entry that was asked for, and none that this node can run. */
function usable(written: object): ManifestModel {
  try {
    const [entry] = parseManifest(JSON.stringify({ models: [written] }))
    if (entry !== undefined) return entry
    throw new TypeError('it is empty')
  } catch (cause) {
    throw new ModelError(
      'MODEL_REFUSED',
      `The model's entry is the right one, and this node can not use it: ${cause instanceof Error ? cause.message : String(cause)} If it was made for a newer node, bring this one up to date and add the model again.`,
      cause,
    )
  }
}
