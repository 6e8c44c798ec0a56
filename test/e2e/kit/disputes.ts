import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  bytesToHex,
  concatHex,
  createWalletClient,
  encodeAbiParameters,
  type Hex,
  hexToBytes,
  http,
  keccak256,
  numberToHex,
  padHex,
  parseAbi,
  parseAbiParameters,
  parseEther,
  publicActions,
  sha256,
  toHex,
} from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { openKeystores } from '../../../node/adapters/keystore/open.ts'
import { encodeAnswers, OUTCOME } from '../../contracts/inference-report.ts'
import { rpc } from './chain.ts'
import type { Network } from './network.ts'
import { configEvent } from './set-config.ts'

/** What somebody who asks, looks and challenges needs to know of the oracle. */
export const oracleAbi = parseAbi([
  'event InferenceRequested(uint256 indexed requestId, bytes32 indexed modelDigest, address indexed requester, uint256 modelId, uint32 version, bytes32 inputHash, uint32 inputLength, bytes input, uint32 callbackGasLimit, uint8 minAgreeing, bool finalOnly, uint64 deadline, uint256 price, uint256 maxFee)',
  'struct Parameters { uint64 maxGasPrice; uint32 disputeWindow; uint32 verdictTimeout; uint80 bond; uint24 reportGas; uint8 committeeSize; }',
  'function parameters() view returns (Parameters)',
  'function challenge(uint256 requestId) payable',
  'function creditOf(address account) view returns (uint256)',
  'function requestCount() view returns (uint256)',
  'function latestConfigDigestAndEpoch() view returns (bool scanLogs, bytes32 configDigest, uint32 epoch)',
  'function transmit(bytes32[3] context, bytes report, bytes32[] rs, bytes32[] ss, bytes32 rawVs)',
])

/** Whoever holds an answer to be false. */
export interface Challenger {
  /** Stakes the bond and waits until that is mined. */
  challenge(requestId: bigint): Promise<void>
  /** Wei that the oracle owes it. */
  credit(): Promise<bigint>
  readonly bond: bigint
}

export function oracleOf(net: Network) {
  const [chain] = net.description.chains
  const address = net.description.contracts[String(chain?.id)]?.InferenceOracle
  if (chain === undefined || address === undefined) throw new Error('the devnet has no inference oracle')
  return { chain, address }
}

/** An account of Anvil's public mnemonic on the oracle's chain: the devnet uses the first one, and gives the others nothing. */
export function accountOf(net: Network, addressIndex: number) {
  const { chain } = oracleOf(net)
  return createWalletClient({
    account: mnemonicToAccount('test test test test test test test test test test test junk', {
      addressIndex,
    }),
    chain: {
      ...{ id: chain.id, name: chain.name, rpcUrls: { default: { http: [chain.rpc] } } },
      nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    },
    transport: http(chain.rpc),
    pollingInterval: 100,
  }).extend(publicActions)
}

export async function challenger(net: Network, addressIndex: number): Promise<Challenger> {
  const { chain, address } = oracleOf(net)
  const client = accountOf(net, addressIndex)
  await rpc(chain.rpc, 'anvil_setBalance', [client.account.address, toHex(parseEther('100'))])
  const { bond } = await client.readContract({ address, abi: oracleAbi, functionName: 'parameters' })
  return {
    bond,
    async challenge(requestId) {
      const hash = await client.writeContract({
        ...{ address, abi: oracleAbi, functionName: 'challenge', args: [requestId], value: bond },
      })
      const { status } = await client.waitForTransactionReceipt({ hash })
      if (status !== 'success') throw new Error(`request ${requestId} could not be challenged`)
    },
    credit: () =>
      client.readContract({
        ...{ address, abi: oracleAbi, functionName: 'creditOf', args: [client.account.address] },
      }),
  }
}

/** The id that the next request gets: it commits to what is asked (`InferenceRequests._request`). */
export async function nextRequestId(
  net: Network,
  asked: { requester: Hex; modelDigest: Hex; input: Hex },
): Promise<bigint> {
  const { chain, address } = oracleOf(net)
  const count = await accountOf(net, 0).readContract({
    address,
    abi: oracleAbi,
    functionName: 'requestCount',
  })
  const types = parseAbiParameters('uint256, address, uint256, address, bytes32, bytes32')
  const words = [
    BigInt(chain.id),
    address,
    count + 1n,
    asked.requester,
    asked.modelDigest,
    sha256(asked.input),
  ] as const
  return BigInt(keccak256(encodeAbiParameters(types, words)))
}

/**
 * What validators can do who share their keys: as many as sign a report sign a false answer, and one of them sends it. Nobody's
 * process is touched; the answer has a round between two of the honest ones.
 */
export async function collude(
  net: Network,
  answer: { requestId: bigint; input: Hex; values: readonly bigint[] },
): Promise<{ send(): Promise<Hex> }> {
  const { chain, address } = oracleOf(net)
  const client = accountOf(net, 0)
  const { args, digest } = await configEvent(net, { chainId: chain.id, address })
  const quorum = Math.floor((args.signers.length + args.f) / 2) + 1
  const keys = await Promise.all(
    Array.from({ length: quorum }, async (_, validator) => {
      const dir = join(net.dir, `validator-${validator}`)
      const password = readFileSync(join(dir, 'password'), 'utf8').trim()
      const { signer } = await openKeystores({ dir: join(dir, 'keys'), password })
      return {
        index: args.signers.findIndex((one) => one.toLowerCase() === signer.address.toLowerCase()),
        signer,
      }
    }),
  )
  keys.sort((a, b) => a.index - b.index)
  const transmitter = args.transmitters[keys[0]?.index ?? 0] ?? address
  return {
    async send() {
      const [, , epoch] = await client.readContract({
        ...{ address, abi: oracleAbi, functionName: 'latestConfigDigestAndEpoch' },
      })
      const { timestamp } = await client.getBlock()
      const { requestId, input, values } = answer
      const report = encodeAnswers(
        { observationsTimestamp: Number(timestamp), evidenceDigest: keccak256('0x00') },
        [
          {
            ...{ requestId, inputHash: sha256(input), outcome: OUTCOME.answered, values },
            ...{ agreeing: quorum, observers: quorum, spread: 0n },
          },
        ],
      )
      const place = padHex(numberToHex((BigInt(epoch) << 8n) | 200n), { size: 32 })
      const context = [digest, place, padHex('0x', { size: 32 })] as const
      const hash = keccak256(concatHex([keccak256(report), ...context]))
      const signatures = keys.map(({ signer }) => signer.sign(hexToBytes(hash)))
      const word = (from: number) => signatures.map((one) => bytesToHex(one.subarray(from, from + 32)))
      const vs = concatHex(signatures.map((one) => numberToHex(one[64] ?? 0, { size: 1 })))
      await rpc(chain.rpc, 'anvil_impersonateAccount', [transmitter])
      try {
        return await client.writeContract({
          ...{ address, abi: oracleAbi, functionName: 'transmit', account: transmitter, gas: 3_000_000n },
          args: [context, report, word(0), word(32), padHex(vs, { size: 32, dir: 'right' })],
        })
      } finally {
        await rpc(chain.rpc, 'anvil_stopImpersonatingAccount', [transmitter])
      }
    },
  }
}
