import { createWalletClient, decodeAbiParameters, http, keccak256, parseAbi, parseAbiParameters } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { expect, it } from 'vitest'
import { oracleVectorFeedAbi } from '../../../contracts/abi/OracleVectorFeed.ts'
import { readArtifact } from '../../../scripts/artifacts.ts'
import { aggregatorV3, clientOf, feedOf, rpc } from '../kit/chain.ts'
import { feed, get, type VectorView } from '../kit/http.ts'
import type { Network } from '../kit/network.ts'
import { until } from '../kit/until.ts'
import { TERM } from '../kit/validator.ts'

const LABELS = [300n, 900n, 3_600n, 14_400n]
const FRESH = 1
/** Anvil's public test mnemonic; an account that nothing else of the devnet uses. */
const stranger = mnemonicToAccount('test test test test test test test test test test test junk', {
  addressIndex: 9,
})

type VectorEvidence = VectorView & {
  evidence: {
    encoded: `0x${string}`
    spread: string
    observations: { oracle: number; values: string[]; distance: string; accepted: boolean }[]
  } | null
}

/** A feed of several numbers: on-chain, by its elements, over HTTP, and in its evidence. */
export function vectorFeed(net: Network): void {
  const contract = () => ({ address: feedOf(net, TERM).address, abi: oracleVectorFeedAbi }) as const
  const client = () => clientOf(net, feedOf(net, TERM).chainId)
  const roundsOf = async (api: string) =>
    (await get<{ data: VectorView[] }>(`${api}/v1/feeds/${TERM}/rounds?limit=5`)).data

  it('is the same vector on-chain and at every validator, and a new one comes', async () => {
    const latest = () => client().readContract({ ...contract(), functionName: 'latestVector' })
    const [before] = await latest()
    await until('another vector', async () => (await latest())[0] > before, { withinMs: 120_000 })
    expect(await client().readContract({ ...contract(), functionName: 'labels' })).toEqual(LABELS)
    expect(await client().readContract({ ...contract(), functionName: 'status' })).toBe(FRESH)
    for (const api of net.description.api) {
      const served = await until(
        `${api} serves what came`,
        async () => (await roundsOf(api)).find(({ round }) => BigInt(round) > before),
        { withinMs: 15_000 },
      )
      const [, answers, startedAt, updatedAt] = await client().readContract({
        ...contract(),
        functionName: 'getVector',
        args: [BigInt(served.round)],
      })
      expect(served).toMatchObject({
        answer: null,
        answers: answers.map(String),
        observationsTimestamp: Number(startedAt),
        updatedAt: Number(updatedAt),
      })
      expect(answers).toHaveLength(LABELS.length)
      // Positive, and more over four hours than over five minutes.
      for (const answer of answers) expect(answer).toBeGreaterThan(0n)
      expect(answers[3]).toBeGreaterThan(answers[0] ?? 0n)
      expect(served.agreement.agreeing).toBeGreaterThanOrEqual(2)
      const { duty, ...shown } = await feed(api, TERM)
      expect(duty).toMatchObject({ state: 'running', validators: 4, f: 1 })
      expect(shown).toMatchObject({ labels: LABELS.map(String), contract: { kind: 'vector' } })
    }
  })

  it('shows an element as a feed of its own to whoever deploys the view of it', async () => {
    const { abi, bytecode } = await readArtifact('VectorElement')
    const { chainId } = feedOf(net, TERM)
    const { rpc: url } = net.description.chains.find(({ id }) => id === chainId) ?? { rpc: '' }
    await rpc(url, 'anvil_setBalance', [stranger.address, `0x${(10n ** 18n).toString(16)}`])
    const wallet = createWalletClient({ account: stranger, transport: http(url) })
    const hash = await wallet.deployContract({ abi, bytecode, args: [contract().address, 2n], chain: null })
    const { contractAddress } = await client().waitForTransactionReceipt({ hash })
    if (contractAddress == null) throw new Error('the element was not created')
    const element = {
      address: contractAddress,
      abi: [...aggregatorV3, ...parseAbi(['function status() view returns (uint8)'])],
    } as const
    expect(await client().readContract({ ...element, functionName: 'description' })).toMatch(/ \[3600\]$/)
    expect(await client().readContract({ ...element, functionName: 'status' })).toBe(FRESH)
    const [round] = await client().readContract({ ...element, functionName: 'latestRoundData' })
    const [, answer, startedAt, updatedAt] = await client().readContract({
      ...element,
      functionName: 'getRoundData',
      args: [round],
    })
    const [, answers, ...times] = await client().readContract({
      ...contract(),
      functionName: 'getVector',
      args: [round],
    })
    expect([answer, startedAt, updatedAt]).toEqual([answers[2], ...times])
  })

  it('has evidence with every validator’s vector and its distance, which the signed report names', async () => {
    const [latest] = await roundsOf(net.description.api[0] ?? '')
    const path = `/v1/feeds/${TERM}/rounds/${latest?.round}`
    const all = await Promise.all(
      net.description.api.map(async (api) => (await get<{ data: VectorEvidence }>(`${api}${path}`)).data),
    )
    const { answers, agreement, evidenceDigest, evidence } = all.find((each) => each.evidence !== null) ?? {}
    if (evidence == null || answers === undefined) throw new Error('no validator has evidence of the round')
    expect(keccak256(evidence.encoded)).toBe(evidenceDigest)
    const accepted = evidence.observations.filter((each) => each.accepted)
    expect(agreement).toEqual({
      agreeing: accepted.length,
      observers: evidence.observations.length,
      spread: evidence.spread,
    })
    for (const { values, distance } of evidence.observations) {
      const apart = values.map((value, i) => Math.abs(Number(value) - Number(answers[i])))
      expect(Number(distance)).toBe(Math.max(...apart))
    }
    // By what it says itself, and nothing of ours.
    const [feedId, , , observations, signed] = decodeAbiParameters(
      parseAbiParameters([
        'string feedId, bytes32 model, Pin[] pins, Observation[] observations, int192[] answers',
        'struct Pin { uint64 chainId; uint64 number; bytes32 hash; uint64 timestamp; }',
        'struct Observation { uint8 oracle; int192[] values; bool accepted; }',
      ]),
      evidence.encoded,
    )
    expect(feedId).toBe(TERM)
    expect(signed.map(String)).toEqual(answers)
    expect(observations.map(({ values }) => values.map(String))).toEqual(
      evidence.observations.map(({ values }) => values),
    )
  })

  it('is bound to the model that runs', async () => {
    const { data } = await get<{ data: { id: string; digest: string }[] }>(
      `${net.description.api[0]}/v1/models`,
    )
    const digest = await client().readContract({ ...contract(), functionName: 'modelDigest' })
    expect(data.find(({ id }) => id === 'volatility-term')?.digest).toBe(digest)
  })
}
