// Asks a model on the development network from an account, and shows what every validator said:
// npm run example -- ask-model [model] [devnet.json]
import {
  createWalletClient,
  encodeAbiParameters,
  http,
  numberToHex,
  parseEther,
  parseEventLogs,
  publicActions,
} from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { inferenceOracleAbi } from '../../contracts/abi/InferenceOracle.ts'
import { end, readDevnet } from './devnet/open-devnet.ts'

const [id = 'transfer-risk', path = '.iyi/devnet/devnet.json'] = process.argv.slice(2)
const devnet = await readDevnet(path)
const [chain] = devnet.chains
const [api] = devnet.api
const oracle = devnet.contracts?.[String(chain?.id)]?.InferenceOracle
if (chain === undefined || api === undefined || oracle === undefined)
  end(`${path} names no inference oracle: start the network anew with npm start`)

interface Model {
  readonly id: string
  readonly digest: string
  readonly request: { readonly decimals: number } | null
  readonly rawInputs: readonly { readonly shape: readonly (number | null)[] }[]
  readonly registered: { readonly modelId: string } | null
}
const read = async <T>(route: string): Promise<T> =>
  ((await (await fetch(`${api}${route}`)).json()) as { data: T }).data
const askable = (await read<readonly Model[]>('/v1/models')).filter(
  ({ request, registered }) => request !== null && registered !== null,
)
const model =
  askable.find((each) => each.id === id) ?? end(`ask one of: ${askable.map((each) => each.id).join(', ')}`)

// The public account of every development chain; whoever asks on another chain has one of their own.
const client = createWalletClient({
  account: mnemonicToAccount('test test test test test test test test test test test junk', {
    addressIndex: 9,
  }),
  chain: {
    ...{ id: chain.id, name: chain.name, rpcUrls: { default: { http: [chain.rpc] } } },
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
  },
  transport: http(chain.rpc),
}).extend(publicActions)
await client.request({
  method: 'anvil_setBalance' as never,
  params: [client.account.address, numberToHex(parseEther('10'))] as never,
})

// One row of numbers with the decimals that the model's manifest says; here all of them 0.5.
const count = model.rawInputs[0]?.shape.at(-1) ?? 1
const half = 5n * 10n ** BigInt((model.request?.decimals ?? 1) - 1)
const input = encodeAbiParameters([{ type: 'int256[]' }], [Array.from({ length: count }, () => half)])
const contract = { address: oracle, abi: inferenceOracleAbi } as const
const modelId = BigInt(model.registered?.modelId ?? 0)
const args = [modelId, BigInt((input.length - 2) / 2), 0] as const
const fee = await client.readContract({ ...contract, functionName: 'quote', args })
const hash = await client.writeContract({
  ...{ ...contract, functionName: 'requestInference', args: [modelId, input, 0, fee], value: fee },
})
const { logs } = await client.waitForTransactionReceipt({ hash })
const [asked] = parseEventLogs({ abi: inferenceOracleAbi, logs, eventName: 'InferenceRequested' })
const requestId = asked?.args.requestId ?? end('the oracle did not take the request')
process.stdout.write(`asked ${id} as request ${requestId}, for at most ${fee} wei\n`)

interface Request {
  readonly answer: {
    readonly outcome: string
    readonly values: readonly string[]
    readonly finalAt: string
  } | null
  readonly evidence: {
    readonly results: readonly {
      oracle: number
      values: string[] | null
      provider: string | null
      agrees: boolean
    }[]
  } | null
}
let request = await read<Request>(`/v1/requests/${requestId}`)
for (let tries = 0; request?.answer == null; tries++) {
  if (tries === 60) end(`no answer within a minute: look at ${api}/v1/requests/${requestId}`)
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  request = await read<Request>(`/v1/requests/${requestId}`)
}
const { outcome, values, finalAt } = request.answer
const until = new Date(Number(finalAt) * 1_000).toISOString()
process.stdout.write(`${outcome}: ${values.join(', ')}; anybody may challenge it until ${until}\n`)
for (const { oracle: index, values: own, provider, agrees } of request.evidence?.results ?? [])
  process.stdout.write(
    `  validator ${index}  ${own?.join(', ') ?? 'none'}  ${provider ?? '-'}  ${agrees ? 'agrees' : 'differs'}\n`,
  )
