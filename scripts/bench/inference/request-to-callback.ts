import { createWalletClient, http, parseEther, publicActions, toHex, zeroHash } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { inferenceOracleAbi } from '../../../contracts/abi/InferenceOracle.ts'
import { inferenceRequesterAbi } from '../../../contracts/abi/InferenceRequester.ts'
import { jsonRpc } from '../../../node/devnet/rpc.ts'
import { encodeInput } from '../../../plugins/oracle/requests/decode-input.ts'
import { readArtifact } from '../../artifacts.ts'
import { type Devnet, withDevnet } from '../devnet.ts'
import { type Figure, median, percentile } from '../figure.ts'

const REQUESTS = 20
const LOOK_MS = 20
const CALLBACK_GAS = 300_000

/** From the moment at which a contract's request is mined to the moment at which its callback is seen on-chain. */
export function requestToCallback(): Promise<Figure[]> {
  return withDevnet(measure)
}

async function measure(net: Devnet): Promise<Figure[]> {
  const [chain] = net.chains
  const oracle = net.contracts[String(chain?.id)]?.InferenceOracle
  if (chain === undefined || oracle === undefined) throw new TypeError('the devnet has no inference oracle')
  const model = await askableModel(net)
  // An account of Anvil's public mnemonic that the devnet itself does not use.
  const account = mnemonicToAccount('test test test test test test test test test test test junk', {
    addressIndex: 7,
  })
  const client = createWalletClient({
    account,
    chain: {
      ...{ id: chain.id, name: 'devnet', rpcUrls: { default: { http: [chain.rpc] } } },
      nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    },
    transport: http(chain.rpc),
    pollingInterval: LOOK_MS,
  }).extend(publicActions)
  await jsonRpc(chain.rpc)('anvil_setBalance', [account.address, toHex(parseEther('1000'))])
  const { bytecode } = await readArtifact('InferenceRequester')
  const created = await client.deployContract({ abi: inferenceRequesterAbi, bytecode, args: [oracle] })
  const { contractAddress: consumer } = await client.waitForTransactionReceipt({ hash: created })
  if (consumer == null) throw new TypeError('the requester was not created')
  const noted = () =>
    client.readContract({ address: consumer, abi: inferenceRequesterAbi, functionName: 'noted' })

  const ms: number[] = []
  const blocks: number[] = []
  const gas: number[] = []
  for (let i = 0; i < REQUESTS; i++) {
    const input = encodeInput(Array.from({ length: model.inputs }, (_, at) => BigInt(1_000 * (i + at))))
    const before = await noted()
    const request = {
      ...{ modelId: model.modelId, version: 0, input, inputHash: zeroHash, inputLength: 0, minAgreeing: 0 },
      ...{ callbackGasLimit: CALLBACK_GAS, deadlineSeconds: 0, finalOnly: false },
    }
    const hash = await client.writeContract({
      ...{ address: consumer, abi: inferenceRequesterAbi, functionName: 'ask', args: [request] },
      value: parseEther('0.2'),
    })
    const mined = await client.waitForTransactionReceipt({ hash })
    const from = performance.now()
    while ((await noted()) === before) {
      if (performance.now() - from > 120_000) throw new Error('a request got no answer in two minutes')
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
    ms.push(performance.now() - from)
    const [paid] = await client.getContractEvents({
      ...{ address: oracle, abi: inferenceOracleAbi, eventName: 'InferencePaid' },
      fromBlock: mined.blockNumber,
      strict: true,
    })
    if (paid === undefined) throw new TypeError('the answer left no event')
    blocks.push(Number(paid.blockNumber - mined.blockNumber))
    gas.push(Number(paid.args.gasUsed))
  }
  const blockTime = 1_000
  const figure = (name: string, values: readonly number[], p: number, unit: string): Figure => {
    const value = percentile(values, p)
    return {
      name,
      value: Math.round(value),
      unit,
      baseline: `block time, ms (${values.length} requests of ${model.id})`,
      baselineValue: blockTime,
      ratio: value / blockTime,
    }
  }
  return [
    figure('inference.request_to_callback_ms', ms, 0.5, 'ms'),
    figure('inference.request_to_callback_ms.p95', ms, 0.95, 'ms'),
    {
      name: 'inference.request_to_callback_ms.blocks',
      value: median(blocks),
      unit: 'blocks',
      baseline: 'the next block',
      baselineValue: 1,
      ratio: median(blocks),
    },
    {
      name: 'inference.request_to_callback_ms.gas_repaid',
      value: median(gas),
      unit: 'gas',
      baseline: 'gas of the callback',
      baselineValue: CALLBACK_GAS,
      ratio: median(gas) / CALLBACK_GAS,
    },
  ]
}

/** A model of the devnet that contracts may ask, with as many numbers as it takes. */
async function askableModel(net: Devnet): Promise<{ id: string; modelId: bigint; inputs: number }> {
  const response = await fetch(`${net.api[0]}/v1/models`)
  const { data } = (await response.json()) as {
    data: {
      id: string
      request: { decimals: number } | null
      rawInputs: { shape: (number | null)[] }[]
      registered: { modelId: string } | null
    }[]
  }
  const model = data.find(({ request, registered }) => request !== null && registered !== null)
  if (model?.registered == null) throw new TypeError('no model of the devnet can be asked')
  const sizes = model.rawInputs.flatMap(({ shape }) => shape.slice(1)).map((size) => size ?? 1)
  return {
    id: model.id,
    modelId: BigInt(model.registered.modelId),
    inputs: sizes.reduce((product, size) => product * size, 1),
  }
}
