import { z } from 'zod'
import {
  addressSchema,
  bytes32Schema,
  freshnessToMeta,
  metaSchema,
  unsignedSchema,
} from '../../ports/http-schemas.ts'
import type { DutyStatus } from '../../ports/quorum.ts'
import type { NodeView } from './node-view.ts'
import { peerIdOf } from './peer-id.ts'

const healthSchema = z.object({
  status: z.enum(['ok', 'degraded', 'failed']),
  detail: z.string().optional(),
  reason: z.string().optional(),
})

const contractSchema = z.object({ chainId: z.int(), address: addressSchema })

/** `GET /v1/node`: who this node is and how it and its network do. */
export const nodeSchema = z.object({
  id: z.string(),
  name: z.string(),
  version: z.string(),
  chains: metaSchema.shape.chains,
  trust: z
    .array(
      z.object({
        chainId: z.int(),
        name: z.string(),
        required: z.int().meta({ description: 'Independent providers that must say the same' }),
        agreed: unsignedSchema.nullable().meta({
          description:
            'Newest block up to which they and the index say the same; what is above is not signed for',
        }),
        waiting: z.object({ reason: z.string(), since: z.number() }).nullable(),
        halts: z
          .array(
            z.object({
              cause: z.enum(['disagreement', 'deep-reorg']),
              reason: z.string(),
              since: z.number(),
            }),
          )
          .meta({ description: 'Why no duty acts on this chain. Evidence: GET /v1/chains/{id}/evidence' }),
        providers: z.array(
          z.object({
            provider: z.int().meta({ description: 'Its place in the configuration' }),
            host: z.string(),
            state: z.enum(['well', 'resting', 'limited', 'wrong-chain', 'set-aside']).meta({
              description: '`set-aside`: proven wrong, and counts for nothing until it says what is proven',
            }),
            reason: z.string().optional(),
            weight: z.number(),
            requests: z.int().meta({ description: 'Since the node started' }),
            perSecond: z.number().meta({ description: 'Requests a second, over the last ten' }),
            limitPerSecond: z.number().nullable().meta({ description: 'What the operator allows' }),
          }),
        ),
      }),
    )
    .meta({ description: 'How far each chain is agreed on, and by whom' }),
  plugins: z.array(z.object({ id: z.string(), version: z.string(), health: healthSchema })),
  peers: z.array(
    z.object({
      peerId: z.string(),
      addresses: z.array(z.string()),
      connected: z.boolean(),
      direction: z.enum(['inbound', 'outbound']).nullable(),
    }),
  ),
  duties: z.array(
    z.object({
      dutyId: z.string(),
      contract: contractSchema,
      state: z.enum(['starting', 'running', 'observer', 'refused', 'stopped']),
      reason: z.string().optional(),
      configDigest: bytes32Schema.nullable(),
      n: z.int(),
      f: z.int(),
      self: z.int().nullable().meta({ description: "This node's oracle index; null for an observer" }),
      epoch: z.int(),
      leader: z.int().nullable(),
      seqNr: unsignedSchema,
      lastOutcomeAt: z.number().nullable().meta({ description: "Unix milliseconds, this node's clock" }),
    }),
  ),
  validators: z.array(
    z.object({
      index: z.int().meta({ description: 'Oracle index in its first duty' }),
      peerKey: bytes32Schema,
      peerId: z.string(),
      signer: addressSchema,
      transmitter: addressSchema,
      self: z.boolean(),
      connected: z.boolean(),
      duties: z.array(
        z.object({
          dutyId: z.string(),
          index: z.int(),
          lastObservedSeqNr: unsignedSchema
            .nullable()
            .meta({ description: 'Last round whose outcome holds an observation of this validator' }),
          missedRounds: unsignedSchema.nullable().meta({ description: 'Rounds committed since that one' }),
        }),
      ),
    }),
  ),
})

type NodeAnswer = z.infer<typeof nodeSchema>

/** Collects the answer of `GET /v1/node`. */
export async function describeNode(view: NodeView): Promise<NodeAnswer> {
  const duties = view.duties()
  return {
    ...view.identity(),
    chains: freshnessToMeta(await view.freshness()).chains,
    trust: view.trust().map(trustToJson),
    plugins: view.plugins().map((plugin) => ({ ...plugin, health: { ...plugin.health } })),
    peers: view.peers().map((peer) => ({ ...peer, addresses: [...peer.addresses] })),
    duties: duties.map((duty) => ({ ...duty, seqNr: duty.seqNr.toString() })),
    validators: mergeValidators(duties),
  }
}

function trustToJson({
  agreed,
  halts,
  setAside,
  providers,
  ...rest
}: ReturnType<NodeView['trust']>[number]): NodeAnswer['trust'][number] {
  return {
    ...rest,
    agreed: agreed === null ? null : agreed.toString(),
    halts: halts.map(({ cause, reason, since }) => ({ cause, reason, since })),
    providers: providers.map((each) => {
      const lie = setAside.find(({ provider }) => provider === each.provider)
      return lie === undefined ? { ...each } : { ...each, state: 'set-aside', reason: lie.reason }
    }),
  }
}

/** The same machine serves several duties, each with its own on-chain configuration: its peer key tells that it is one. */
function mergeValidators(duties: readonly DutyStatus[]): NodeAnswer['validators'] {
  const byKey = new Map<string, NodeAnswer['validators'][number]>()
  for (const duty of duties)
    for (const oracle of duty.oracles) {
      const key = oracle.peerKey.toLowerCase()
      const known = byKey.get(key) ?? {
        index: oracle.index,
        peerKey: oracle.peerKey,
        peerId: peerIdOf(oracle.peerKey),
        signer: oracle.signer,
        transmitter: oracle.transmitter,
        self: false,
        connected: false,
        duties: [],
      }
      known.self ||= oracle.index === duty.self
      known.connected ||= oracle.connected || known.self
      const last = oracle.lastObservedSeqNr
      known.duties.push({
        dutyId: duty.dutyId,
        index: oracle.index,
        lastObservedSeqNr: last === null ? null : last.toString(),
        missedRounds: last === null || last > duty.seqNr ? null : (duty.seqNr - last).toString(),
      })
      byKey.set(key, known)
    }
  return [...byKey.values()]
}
