import { bytesToHex, type Hex } from 'viem'
import { ocr2AggregatorAbi } from '../../../contracts/abi/Ocr2Aggregator.ts'
import { encodeOcr2OnchainConfig, ocr2Kind } from '../../../plugins/oracle/kinds/ocr2.ts'
import {
  configDigest,
  epochAndRound,
  newOracleKeys,
  type OracleKey,
  reportHash,
  signHash,
  transmitArgs,
} from '../../contracts/quorum-report.ts'
import { outcome } from '../../plugins/oracle/kit.ts'
import { type Anvil, account, deploy } from './fixture.ts'

const LIMITS = { min: 0n, max: 1_000n }

/** An OCR2 aggregator of somebody else, not configured yet. */
export function deployAggregator({ client }: Anvil): Promise<Hex> {
  return deploy(client, 'Ocr2Aggregator', ocr2AggregatorAbi, [LIMITS.min, LIMITS.max, 8, 'A / B'])
}

export interface Aggregator {
  readonly address: Hex
  readonly keys: readonly OracleKey[]
  readonly digest: Hex
}

/** Gives it four oracles, of which the last transmits from the development account. */
export async function configure({ client, chainId }: Anvil, address: Hex): Promise<Aggregator> {
  const keys = newOracleKeys(4)
  const set = {
    signers: keys.map((key) => key.address),
    transmitters: [...newOracleKeys(3).map((key) => key.address), account.address],
    f: 1,
    onchainConfig: encodeOcr2OnchainConfig(LIMITS),
    offchainConfigVersion: 1n,
    offchainConfig: '0x',
  } as const
  const { signers, transmitters, f, onchainConfig, offchainConfigVersion, offchainConfig } = set
  const hash = await client.writeContract({
    address,
    abi: ocr2AggregatorAbi,
    functionName: 'setConfig',
    args: [signers, transmitters, f, onchainConfig, offchainConfigVersion, offchainConfig],
    account,
    chain: null,
  })
  await client.waitForTransactionReceipt({ hash })
  return { address, keys, digest: configDigest({ chainId, contract: address, configCount: 1n }, set) }
}

/** Transmits what four validators agreed on. Resolves with the third context word. */
export async function transmitAnswer(
  { client }: Anvil,
  { address, keys, digest }: Aggregator,
  epoch: number,
  answer: bigint,
): Promise<Hex> {
  const observations = keys.map((_, oracle) => ({ oracle, value: answer, accepted: true }))
  const { payload, extraHash } = ocr2Kind.report(outcome({ observations, answer }))
  const encoded = bytesToHex(payload)
  const context = [digest, epochAndRound(epoch, 0), extraHash] as const
  const signatures = await Promise.all(
    keys.slice(0, 2).map(({ privateKey }) => signHash(privateKey, reportHash(context, encoded))),
  )
  const hash = await client.writeContract({
    address,
    abi: ocr2AggregatorAbi,
    functionName: 'transmit',
    args: transmitArgs(context, encoded, signatures),
    account,
    chain: null,
  })
  await client.waitForTransactionReceipt({ hash })
  return extraHash
}
