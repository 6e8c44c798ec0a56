import { z } from 'zod'
import type { Clock } from '../../../node/ports/clock.ts'
import type { Contents } from '../../../node/ports/content.ts'
import { ContentError } from '../../../node/ports/content-error.ts'
import { ProblemError, type Routes } from '../../../node/ports/http.ts'
import { bytes32Schema, unsignedSchema } from '../../../node/ports/http-schemas.ts'
import type { InputsConfig } from '../config.ts'
import { MAX_INPUT_BYTES } from '../requests/request-inputs.ts'
import type { ServedOracle } from '../requests/served-oracle.ts'

const inputSchema = z.object({
  hash: bytes32Schema.meta({ description: 'SHA-256 of the bytes: `inputHash` of a request' }),
  size: z.int().meta({ description: 'Bytes: `inputLength` of a request' }),
  keptUntil: unsignedSchema.meta({
    description: 'Unix seconds; longer once a request names it, earlier only when there is no room',
  }),
})

/** `POST /v1/inputs`: takes the input of a request that will name it by its hash. */
export function addInputRoutes(
  routes: Routes,
  { keepMinutes, perMinute }: InputsConfig,
  modules: { oracles: readonly ServedOracle[]; contents: Contents; clock: Clock },
): void {
  const { oracles, contents, clock } = modules
  const allowance = new Allowance(perMinute, clock)
  routes.add({
    method: 'post',
    path: '/v1/inputs',
    summary: 'Delivers the input of a request that names it by its hash',
    description:
      'Send what would be the `input` of a request, before the contract makes it. The other validators fetch it from this node.',
    bytes: {
      maxBytes: MAX_INPUT_BYTES,
      description:
        'As an `input` on-chain: abi.encode(int256[]); `api.maxBodyBytes` of the node bounds it too',
    },
    response: z.object({ data: inputSchema }),
    handler: async ({ bytes, client }) => {
      if (oracles.length === 0)
        throw refused(404, 'ORACLE_UNKNOWN_ORACLE', 'This node serves no inference oracle: ask another one.')
      if (bytes.length === 0) throw refused(400, 'ORACLE_EMPTY_INPUT', 'Send the bytes of the input.')
      if (!allowance.take(placeOf(client)))
        throw refused(
          429,
          'ORACLE_TOO_MANY_INPUTS',
          `One address may send ${perMinute} inputs a minute. Send the next one later.`,
        )
      const { hash, size, keptUntil } = await contents
        .put(bytes, { keepMs: keepMinutes * 60_000 })
        .catch((error: unknown) => {
          if (error instanceof ContentError && error.code === 'CONTENT_TOO_LARGE')
            throw refused(413, error.code, 'This node has no room for an input of that size.')
          throw error
        })
      return { data: { hash: `0x${hash}` as const, size, keptUntil: String(Math.floor(keptUntil / 1_000)) } }
    },
  })
}

/** An IPv4 address, or the network of an IPv6 one: whoever has one of its addresses has all of them (RFC 6177). */
function placeOf(client: string): string {
  if (client.startsWith('::ffff:') || !client.includes(':')) return client.replace('::ffff:', '')
  const [head = '', tail = ''] = client.split('::')
  const [first, last] = [head, tail].map((part) => part.split(':').filter((word) => word !== ''))
  const gap = Array(Math.max(0, 8 - (first?.length ?? 0) - (last?.length ?? 0))).fill('0')
  return [...(first ?? []), ...(client.includes('::') ? gap : []), ...(last ?? [])].slice(0, 4).join(':')
}

/** Addresses that are remembered; whoever is forgotten for others begins anew. */
const MOST_CLIENTS = 4_096

/** What each address may still send. */
class Allowance {
  readonly #perMinute: number
  readonly #clock: Clock
  /** Least recently heard of first. */
  readonly #clients = new Map<string, { left: number; atMs: number }>()

  constructor(perMinute: number, clock: Clock) {
    this.#perMinute = perMinute
    this.#clock = clock
  }

  take(client: string): boolean {
    const nowMs = this.#clock.monotonic()
    const { left, atMs } = this.#clients.get(client) ?? { left: this.#perMinute, atMs: nowMs }
    const now = Math.min(this.#perMinute, left + ((nowMs - atMs) / 60_000) * this.#perMinute)
    const taken = now >= 1
    this.#clients.delete(client)
    this.#clients.set(client, { left: taken ? now - 1 : now, atMs: nowMs })
    if (this.#clients.size > MOST_CLIENTS)
      for (const oldest of this.#clients.keys()) {
        this.#clients.delete(oldest)
        break
      }
    return taken
  }
}

function refused(status: number, code: string, detail: string): ProblemError {
  const titles: Readonly<Record<number, string>> = {
    400: 'Bad Request',
    404: 'Not Found',
    413: 'Content Too Large',
    429: 'Too Many Requests',
  }
  return new ProblemError({ status, code, title: titles[status] ?? 'Error', detail })
}
