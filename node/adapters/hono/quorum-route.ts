import { z } from 'zod'
import { ProblemError } from '../../ports/http.ts'
import {
  addressSchema,
  bytes32Schema,
  cursorSchema,
  decodeCursor,
  encodeCursor,
  freshnessToMeta,
  itemSchema,
  limitSchema,
  listSchema,
  unsignedSchema,
} from '../../ports/http-schemas.ts'
import { offenceSchema, offenceToJson } from '../../ports/offence-schema.ts'
import type { DutyStatus } from '../../ports/quorum.ts'
import type { NodeView } from './node-view.ts'
import { peerIdOf } from './peer-id.ts'

const faultsSchema = z.record(z.string(), z.int()).meta({ description: 'How many of each fault code' })

const validatorSchema = z.object({
  index: z.int().meta({ description: 'Oracle index' }),
  peerId: z.string(),
  signer: addressSchema,
  transmitter: addressSchema,
  self: z.boolean(),
  leader: z.boolean(),
  connected: z.boolean(),
  lastObservedSeqNr: unsignedSchema.nullable(),
  participation: z.object({
    rounds: z.int().meta({ description: 'Rounds that these numbers are about: the last 256 seen at most' }),
    observed: z.int().meta({ description: 'Of them, those whose outcome holds an observation of it' }),
    voted: z.int().meta({ description: 'Of them, those in which its vote arrived' }),
    latenessMs: z
      .object({ mean: z.number(), max: z.number() })
      .nullable()
      .meta({ description: 'How long after the quorum was complete its vote arrived; 0 for a part of it' }),
  }),
  faults: faultsSchema,
})

const dutySchema = z.object({
  dutyId: z.string(),
  contract: z.object({ chainId: z.int(), address: addressSchema }),
  state: z.enum(['starting', 'running', 'observer', 'refused', 'stopped']),
  reason: z.string().optional(),
  configDigest: bytes32Schema.nullable(),
  n: z.int(),
  f: z.int(),
  quorum: z.int().meta({ description: 'floor((n+f)/2)+1: votes that agree on an outcome' }),
  requiredSignatures: z.int().meta({ description: 'Signatures that a report needs' }),
  self: z.int().nullable(),
  epoch: z.int(),
  leader: z.int().nullable(),
  seqNr: unsignedSchema.meta({ description: 'Last committed sequence number' }),
  lastOutcomeAt: z.number().nullable().meta({ description: "Unix milliseconds, this node's clock" }),
  faults: faultsSchema.meta({ description: "Faults of this node's own part, by code" }),
  destinations: z
    .array(
      z.object({
        contract: z.object({ chainId: z.int(), address: addressSchema }),
        configDigest: bytes32Schema.nullable(),
        reason: z.string().optional(),
      }),
    )
    .meta({ description: 'Further contracts that get reports; null and a reason for one that gets none' }),
  validators: z.array(validatorSchema),
})

/** `GET /v1/quorum`: every duty, its epoch and leader, and how each validator does. */
export const quorumSchema = listSchema(dutySchema)

export async function describeQuorum(view: NodeView): Promise<z.input<typeof quorumSchema>> {
  const meta = freshnessToMeta(await view.freshness())
  return { data: view.duties().map(describeDuty), meta, nextCursor: null }
}

function describeDuty(duty: DutyStatus): z.input<typeof dutySchema> {
  const { n, f, oracles, ownFaults, destinations, ...rest } = duty
  return {
    ...rest,
    contract: { ...duty.contract },
    n,
    f,
    quorum: n === 0 ? 0 : Math.floor((n + f) / 2) + 1,
    seqNr: duty.seqNr.toString(),
    faults: { ...ownFaults },
    destinations: destinations.map((each) => ({ ...each, contract: { ...each.contract } })),
    validators: oracles.map(({ participation, peerKey, lastObservedSeqNr, ...oracle }) => {
      const { faults, latenessMs, ...counts } = participation
      return {
        ...oracle,
        peerId: peerIdOf(peerKey),
        self: oracle.index === duty.self,
        leader: oracle.index === duty.leader,
        lastObservedSeqNr: lastObservedSeqNr?.toString() ?? null,
        participation: { ...counts, latenessMs: latenessMs === null ? null : { ...latenessMs } },
        faults: { ...faults },
      }
    }),
  }
}

export const offencesQuery = z.object({
  duty: z.string().max(200).optional().meta({
    description: '`dutyId` of `GET /v1/quorum`: plugin and feed, joined by a slash',
    example: 'oracle/iyi-usd-price',
  }),
  configDigest: bytes32Schema.optional().meta({ description: 'Of the quorum' }),
  oracle: z
    .preprocess(
      (value) => (typeof value === 'string' && /^[0-9]+$/.test(value) ? Number(value) : value),
      z.number().int().min(0).max(30),
    )
    .optional()
    .meta({ description: 'Oracle index of the culprit' }),
  offence: offenceSchema.shape.offence.optional(),
  limit: limitSchema,
  cursor: cursorSchema.optional(),
})

/** Of `GET /v1/quorum/evidence`. */
export const offencesSchema = listSchema(offenceSchema)

/** `GET /v1/quorum/evidence`: offences that this node keeps, newest first. Throws `ProblemError` 404. */
export async function listOffences(
  view: NodeView,
  query: z.output<typeof offencesQuery>,
): Promise<z.input<typeof offencesSchema>> {
  const { duty, cursor, configDigest, oracle, offence, limit } = query
  const meta = freshnessToMeta(await view.freshness())
  const found = await view.offences({
    limit,
    ...(duty === undefined ? {} : { dutyId: duty }),
    ...(configDigest === undefined ? {} : { configDigest: lower(configDigest) }),
    ...(oracle === undefined ? {} : { oracle }),
    ...(offence === undefined ? {} : { offence }),
    ...(cursor === undefined ? {} : { before: decodeCursor(positionSchema, cursor) }),
  })
  const duties = view.duties().map(({ dutyId }) => dutyId)
  // Of an id that is misspelt no offences must not read as innocence. One that the node no longer has may have some.
  if (duty !== undefined && found.records.length === 0 && !duties.includes(duty))
    throw new ProblemError({
      status: 404,
      code: 'QUORUM_UNKNOWN_DUTY',
      title: 'Unknown duty',
      detail: `This node has no duty ${duty}${duties.length === 0 ? '; it has none at all' : `: it has ${duties.join(', ')}`}.`,
    })
  return {
    data: found.records.map(offenceToJson),
    meta,
    nextCursor: found.cursor === null ? null : encodeCursor(found.cursor),
  }
}

const lower = (hex: `0x${string}`) => hex.toLowerCase() as `0x${string}`

/** A row number: PostgreSQL's bigint has 19 digits. */
const positionSchema = unsignedSchema.max(18)

export const offenceParams = z.object({ id: bytes32Schema })
export const oneOffenceSchema = itemSchema(offenceSchema)

/** `GET /v1/quorum/evidence/{id}`. Throws `ProblemError` 404. */
export async function showOffence(
  view: NodeView,
  id: `0x${string}`,
): Promise<z.input<typeof oneOffenceSchema>> {
  const meta = freshnessToMeta(await view.freshness())
  const record = await view.offence(lower(id))
  if (record === null)
    throw new ProblemError({
      status: 404,
      code: 'QUORUM_UNKNOWN_OFFENCE',
      title: 'Unknown offence',
      detail: `This node keeps no offence ${id}; another one may. GET /v1/quorum/evidence lists those that it has.`,
    })
  return { data: offenceToJson(record), meta }
}
