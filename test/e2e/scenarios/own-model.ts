import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeAbiParameters, encodeFunctionData, hexToBytes, parseAbi, parseEther, sha256 } from 'viem'
import { expect, it } from 'vitest'
import { unary } from '../../inference/tiny-onnx.ts'
import { clientOf, rpc } from '../kit/chain.ts'
import { oracleOf } from '../kit/disputes.ts'
import { get, type Hex } from '../kit/http.ts'
import type { Network } from '../kit/network.ts'
import { iyi } from '../kit/program.ts'
import { askableModel, asker, requestAt } from '../kit/questions.ts'
import { until } from '../kit/until.ts'

const registryAbi = parseAbi([
  'function register(string name, bytes32 manifestDigest, string uri) returns (uint256 modelId)',
  'function setModelPrice(uint256 modelId, (uint96 base, uint96 perWord, uint32 answerGas) price)',
])

/** From an ONNX file to a contract that is called back: what the documents say, step by step. */
export function ownModel(net: Network): void {
  it('a model that every validator adds is registered, and answers a contract', async () => {
    const at = (name: string) => join(net.dir, name)
    writeFileSync(at('doubling.onnx'), unary('Add', 'float32', ['n', 2], 2))
    await run(
      'pack',
      at('doubling.onnx'),
      '--id',
      'doubling',
      '--model-version',
      '1.0.0',
      '--decimals',
      '6',
      '--batched',
      '--out',
      at('doubling'),
    )
    const entry = at('doubling/model.json')
    const model = JSON.parse(readFileSync(entry, 'utf8'))
    writeFileSync(entry, JSON.stringify({ ...model, request: { decimals: 6 } }))
    const digest = /0x[0-9a-f]{64}/.exec(await run('verify', at('doubling')))?.[0] as Hex
    for (const validator of net.description.api.keys())
      expect(await run('add', at('doubling'), '--config', at(`validator-${validator}/iyi.yaml`))).toContain(
        digest,
      )

    const { chain, address } = oracleOf(net)
    const registry = net.description.contracts[String(chain.id)]?.ModelRegistry
    if (registry === undefined) throw new Error('the devnet has no registry')
    await send(
      registry,
      encodeFunctionData({
        ...{ abi: registryAbi, functionName: 'register', args: ['doubling', digest, 'file:doubling'] },
      }),
    )
    const registered = await Promise.all(net.description.api.map((api) => isReady(api, digest)))
    const modelId = BigInt(registered[0] ?? 0)
    await send(
      address,
      encodeFunctionData({
        abi: registryAbi,
        functionName: 'setModelPrice',
        args: [modelId, { base: parseEther('0.0001'), perWord: 0n, answerGas: 300_000 }],
      }),
    )

    const contract = await asker(net, 11)
    const requestId = await contract.ask({ id: 'doubling', digest, modelId, numbers: 2 }, [
      1_500_000n,
      -250_000n,
    ])
    expect(await contract.told(requestId)).toMatchObject({
      outcome: 1,
      digest,
      values: [3_000_000n, -500_000n],
    })
    for (const api of net.description.api) {
      const { evidence, answer } = await requestAt(api, requestId)
      expect(answer?.values).toEqual(['3000000', '-500000'])
      for (const result of evidence?.results ?? [])
        expect(result).toMatchObject({ values: answer?.values, provider: 'cpu', distance: '0', agrees: true })
    }

    async function isReady(api: string, wanted: Hex): Promise<string> {
      return await until(
        `${api} runs the model, and knows that it is registered`,
        async () => {
          const { data } = await get<{
            data: { digest: Hex; status: string; registered: { modelId: string } | null }[]
          }>(`${api}/v1/models`)
          return data.find((each) => each.digest === wanted)?.registered?.modelId ?? false
        },
        { withinMs: 60_000, everyMs: 500 },
      )
    }
    async function send(to: Hex, data: Hex): Promise<void> {
      const [owner] = (await rpc(chain.rpc, 'eth_accounts', [])) as string[]
      const hash = (await rpc(chain.rpc, 'eth_sendTransaction', [
        { from: owner, to, data, gas: '0x4c4b40' },
      ])) as Hex
      const { status } = await clientOf(net, chain.id).waitForTransactionReceipt({ hash })
      expect(status).toBe('success')
    }
  })

  it('an input that a request names by its hash is delivered to one validator, and found by the others', async () => {
    const model = await askableModel(net)
    const contract = await asker(net, 12)
    const numbers = Array.from({ length: model.numbers }, (_, at) => BigInt(50_000 * at))
    const input = encodeAbiParameters([{ type: 'int256[]' }], [numbers])
    const response = await fetch(`${net.description.api[1]}/v1/inputs`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: hexToBytes(input),
    })
    const { data } = (await response.json()) as { data: { hash: string; size: number } }
    expect({ status: response.status, ...data }).toMatchObject({
      hash: sha256(input),
      size: hexToBytes(input).length,
    })
    const requestId = await contract.ask(model, numbers, { byHash: true })
    expect(await contract.told(requestId)).toMatchObject({ outcome: 1, digest: model.digest })
  })

  async function run(...args: string[]): Promise<string> {
    const verb = iyi(['model', ...args])
    net.onDispose(() => verb.destroy())
    expect((await verb.ended(60_000)).code, verb.stderr()).toBe(0)
    return verb.stdout()
  }
}
