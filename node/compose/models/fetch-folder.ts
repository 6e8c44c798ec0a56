import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { assertInside } from '../../inference/verified-file.ts'
import { ModelError } from './errors.ts'
import { ENTRY_FILE, readEntry } from './stage.ts'

/** Of each file of a model's folder. */
export const MAX_BYTES = { entry: 2 ** 20, model: 2 ** 31 - 1, goldens: 2 ** 26 } as const
/** For all of it: a model of 2 GiB at a megabyte and a half each second. */
const TIMEOUT_MS = 1_500_000
const MAX_REDIRECTS = 5

/** Whether `source` is an address, not a folder. */
export const isRemote = (source: string): boolean => /^[a-z][a-z0-9+.-]+:\/\//i.test(source)

/**
 * Fetches a model's folder, as `iyi model pack` wrote it, into `into`: `https://`, `ipfs://` through a gateway, `http://` from
 * this machine alone. Nothing of it is believed yet. Rejects with `ModelError` `MODEL_UNREACHABLE`, `MODEL_BAD_FOLDER`.
 */
export async function fetchFolder(source: string, gateway: string | null, into: string): Promise<void> {
  const base = baseOf(source, gateway)
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const get = async (file: string, maxBytes: number) => {
    const path = join(into, file)
    await mkdir(dirname(path), { recursive: true })
    await download(new URL(file.split('/').map(encodeURIComponent).join('/'), base), path, maxBytes, signal)
  }
  await get(ENTRY_FILE, MAX_BYTES.entry)
  const { entry } = await readEntry(into)
  for (const file of [entry.file, entry.goldens.file])
    try {
      assertInside(file)
    } catch (cause) {
      throw new ModelError('MODEL_BAD_FOLDER', `${source} is no model's folder: ${String(cause)}.`, cause)
    }
  await get(entry.file, MAX_BYTES.model)
  await get(entry.goldens.file, MAX_BYTES.goldens)
}

function baseOf(source: string, gateway: string | null): URL {
  const cid = /^ipfs:\/\/([A-Za-z0-9]+)\/?$/.exec(source)?.[1]
  if (source.startsWith('ipfs://') && (cid === undefined || gateway === null))
    throw unreachable(source, 'write ipfs://<cid>, and name a gateway with --gateway https://...')
  const text = cid === undefined ? source : `${gateway?.replace(/\/+$/, '')}/ipfs/${cid}`
  if (!URL.canParse(text)) throw unreachable(text, 'it is no address')
  const url = new URL(text)
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  if (!isTrusted(url))
    throw unreachable(text, 'only https:// is fetched, and http:// from this machine alone')
  return url
}

const isTrusted = ({ protocol, hostname }: URL) =>
  protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname))

async function download(from: URL, path: string, maxBytes: number, signal: AbortSignal): Promise<void> {
  let bytes = 0
  const bounded = new Transform({
    transform(chunk: Uint8Array, _, done) {
      bytes += chunk.length
      if (bytes > maxBytes) done(unreachable(String(from), `it has more than ${maxBytes} bytes`))
      else done(null, chunk)
    },
  })
  try {
    const body = await open(from, signal)
    await pipeline(Readable.fromWeb(body), bounded, createWriteStream(path), { signal })
  } catch (cause) {
    if (cause instanceof ModelError) throw cause
    const why = cause instanceof Error ? (cause.cause instanceof Error ? cause.cause : cause).message : ''
    throw unreachable(String(from), why, cause)
  }
}

async function open(from: URL, signal: AbortSignal) {
  let url = from
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const response = await fetch(url, { redirect: 'manual', signal })
    if (response.status === 200 && response.body !== null) return response.body
    await response.body?.cancel()
    const location = response.headers.get('location')
    if (response.status < 300 || response.status > 399 || location === null)
      throw unreachable(String(url), `the server answered ${response.status}`)
    const next = new URL(location, url)
    if (!isTrusted(next) || (url.protocol === 'https:' && next.protocol !== 'https:'))
      throw unreachable(String(url), `it sends on to ${next.origin}, which is not https://`)
    url = next
  }
  throw unreachable(String(from), `it sends on more than ${MAX_REDIRECTS} times`)
}

const unreachable = (what: string, why: string, cause?: unknown) =>
  new ModelError(
    'MODEL_UNREACHABLE',
    `${what} can not be fetched: ${why}. Fetch the folder by other means and add it from disk, or correct the address.`,
    cause,
  )
