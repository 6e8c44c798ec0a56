import { createHash, createPublicKey, verify } from 'node:crypto'
import {
  concat,
  decodeAbiParameters,
  encodeAbiParameters,
  getAddress,
  keccak256,
  parseAbi,
  parseAbiParameters,
  recoverAddress,
  toBytes,
} from 'viem'
import { expect, it } from 'vitest'
import { clientOf, feedOf } from '../kit/chain.ts'
import { type Evidence, type Hex, round, rounds } from '../kit/http.ts'
import type { Network } from '../kit/network.ts'
import { configEvent, offchainTypes } from '../kit/set-config.ts'
import { until } from '../kit/until.ts'
import { PRICE, VOLATILITY } from '../kit/validator.ts'

// Everything here is written down once more, from the documents: nothing of the node's code is believed.
const poolAbi = parseAbi([
  'function getReserves() view returns (uint112 reserve0, uint112 reserve1, uint32 timestamp)',
  'function token0() view returns (address)',
])
const reportTypes = parseAbiParameters('uint32 timestamp, int192 answer, bytes32 evidence, bytes32 model')
const evidenceTypes = parseAbiParameters([
  'string feedId, bytes32 model, Pin[] pins, Observation[] observations, int192 answer, uint256 spread, uint64 timestamp, bool agreed, bool due, bool hasReport, int192 reportAnswer, uint64 reportTimestamp',
  'struct Pin { uint64 chainId; uint64 number; bytes32 hash; uint64 timestamp; }',
  'struct Observation { uint8 oracle; int192 value; bool accepted; }',
])

/** The configuration in force, from the event, with its digest computed again. */
async function configOf(net: Network, id: string) {
  const { chainId, address } = feedOf(net, id)
  const { digest: inForce, args } = await configEvent(net, { chainId, address })
  const hash = keccak256(
    encodeAbiParameters(
      parseAbiParameters('uint256, address, uint64, address[], address[], uint8, bytes, uint64, bytes'),
      [
        BigInt(chainId),
        address,
        args.configCount,
        args.signers,
        args.transmitters,
        args.f,
        args.onchainConfig,
        args.offchainConfigVersion,
        args.offchainConfig,
      ],
    ),
  )
  const digest: Hex = `0x0001${hash.slice(6)}`
  expect([args.configDigest, inForce]).toEqual([digest, digest])
  const oracles = decodeAbiParameters(offchainTypes, args.offchainConfig)[7]
  return { digest, f: args.f, signers: args.signers, oracles }
}

/** A round of the configuration in force that the asked node has the evidence of: its first ones it may have slept through. */
function provenRound(id: string, api: string) {
  return until(
    `${api} holds the evidence of one of the last rounds of ${id}`,
    async () => {
      for (const { round: number } of await rounds(api, id, 10)) {
        const found = await round(api, id, number)
        if (found.report !== null && found.evidence !== null)
          return { ...found, report: found.report, evidence: found.evidence }
      }
      return null
    },
    { withinMs: 60_000 },
  )
}

async function checkSignatures(net: Network, id: string, proof: Awaited<ReturnType<typeof provenRound>>) {
  const config = await configOf(net, id)
  const { payload, context, digest, signatures } = proof.report
  const [, answer, evidenceDigest, model] = decodeAbiParameters(reportTypes, payload)
  expect(answer.toString()).toBe(proof.answer)
  expect(model).toBe(proof.modelDigest)
  expect(keccak256(proof.evidence.encoded)).toBe(evidenceDigest)
  expect(context[0]).toBe(config.digest)
  expect(keccak256(concat([keccak256(payload), ...context]))).toBe(digest)
  const recovered = await Promise.all(
    signatures.map(({ r, s, v }) => recoverAddress({ hash: digest, signature: { r, s, yParity: v } })),
  )
  expect(new Set(recovered).size).toBe(config.f + 1)
  for (const signer of recovered)
    expect(config.signers.map((entry) => getAddress(entry))).toContain(getAddress(signer))
  return config
}

/** `"iyi-quorum" || 1 || kind 1 || configDigest || u32 epoch || u64 seqNr || sha256(query) || sha256(observation)`. */
function observationMessage(
  proof: Evidence,
  evidence: NonNullable<Evidence['evidence']>,
  encoded: Hex,
): Uint8Array {
  const position = Buffer.alloc(12)
  position.writeUInt32BE(evidence.epoch)
  position.writeBigUInt64BE(BigInt(proof.seqNr), 4)
  const sha256 = (hex: Hex) => createHash('sha256').update(toBytes(hex)).digest()
  return Buffer.concat([
    Buffer.from('iyi-quorum\u0001\u0001', 'latin1'),
    toBytes(proof.configDigest),
    position,
    sha256(evidence.query),
    sha256(encoded),
  ])
}

function isSigned(message: Uint8Array, signature: Hex, key: Hex): boolean {
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), toBytes(key)])
  return verify(
    null,
    message,
    createPublicKey({ key: spki, format: 'der', type: 'spki' }),
    toBytes(signature),
  )
}

/** Quote over base of both pools taken as one, at the pinned blocks, with 8 decimals. */
export async function priceAtPins(
  net: Network,
  pins: readonly { chainId: bigint; number: bigint }[],
): Promise<bigint> {
  let [base, quote] = [0n, 0n]
  for (const { chainId, number } of pins) {
    const contracts = net.description.contracts[Number(chainId)]
    if (contracts?.Pool === undefined) throw new Error(`no pool on chain ${chainId}`)
    const pool = { address: contracts.Pool, abi: poolAbi } as const
    const client = clientOf(net, Number(chainId))
    const [reserve0, reserve1] = await client.readContract({
      ...pool,
      functionName: 'getReserves',
      blockNumber: number,
    })
    const first = await client.readContract({ ...pool, functionName: 'token0' })
    const iyiIsFirst = getAddress(first) === contracts.IyiToken
    base += iyiIsFirst ? reserve0 : reserve1
    quote += iyiIsFirst ? reserve1 : reserve0
  }
  // IYI has 18 decimals, the dollar 6, the answer 8.
  return (quote * 10n ** 12n * 10n ** 8n) / base
}

/** Decodes the evidence's own bytes; the JSON beside them is only for reading. */
export function decodeEvidence(encoded: Hex) {
  const [feedId, model, pins, observations, answer] = decodeAbiParameters(evidenceTypes, encoded)
  return { feedId, model, pins, observations, answer }
}

/** Anybody can check a round with viem and node:crypto alone. */
export function evidenceVerifies(net: Network): void {
  it.each([PRICE, VOLATILITY])('a round of %s proves itself', async (id) => {
    const proof = await provenRound(id, net.description.api[1] ?? '')
    const config = await checkSignatures(net, id, proof)

    const { feedId, model, pins, observations, answer } = decodeEvidence(proof.evidence.encoded)
    expect([feedId, model, answer.toString()]).toEqual([id, proof.modelDigest, proof.answer])
    expect(observations.length).toBeGreaterThanOrEqual(2 * config.f + 1)
    const accepted = observations.filter((entry) => entry.accepted).map(({ value }) => value)
    accepted.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
    expect(accepted[accepted.length >> 1]).toBe(answer)

    expect(pins.map(({ chainId }) => Number(chainId))).toEqual([31_337, 31_338])
    for (const pin of pins) {
      const block = await clientOf(net, Number(pin.chainId)).getBlock({ blockNumber: pin.number })
      expect([block.hash, block.timestamp]).toEqual([pin.hash, pin.timestamp])
    }
    if (id === PRICE) expect(await priceAtPins(net, pins)).toBe(answer)

    expect(proof.evidence.observations.map(({ oracle }) => oracle)).toEqual(
      observations.map(({ oracle }) => oracle),
    )
    for (const [at, { oracle, encoded, signature, value }] of proof.evidence.observations.entries()) {
      const key = config.oracles[oracle]?.consensusKey
      if (key === undefined) throw new Error(`no oracle ${oracle}`)
      const message = observationMessage(proof, proof.evidence, encoded)
      expect(isSigned(message, signature, key)).toBe(true)
      expect(BigInt.asIntN(192, BigInt(encoded.slice(0, 66)))).toBe(observations[at]?.value)
      expect(value).toBe(observations[at]?.value.toString())
      // Neither another observation nor another validator's key passes.
      expect(
        isSigned(
          message,
          signature,
          config.oracles[(oracle + 1) % config.oracles.length]?.consensusKey ?? '0x',
        ),
      ).toBe(false)
      expect(
        isSigned(observationMessage(proof, proof.evidence, proof.evidence.encoded), signature, key),
      ).toBe(false)
    }
  })
}
