import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Abi, type Hex, isHex } from 'viem'
import { IyiError } from '../node/ports/errors.ts'

/** Where each contract that others deploy or call is compiled from. */
export const CONTRACT_SOURCES = {
  QuorumVerifier: 'contracts/quorum/QuorumVerifier.sol',
  OracleFeed: 'contracts/oracle/OracleFeed.sol',
  OracleVectorFeed: 'contracts/oracle/OracleVectorFeed.sol',
  VectorElement: 'contracts/oracle/VectorElement.sol',
  IOcr2Aggregator: 'contracts/oracle/IOcr2Aggregator.sol',
  PriceConsumer: 'contracts/oracle/examples/PriceConsumer.sol',
  IInferenceConsumer: 'contracts/oracle/IInferenceConsumer.sol',
  InferenceRequester: 'contracts/mocks/InferenceRequester.sol',
  InferenceOracle: 'contracts/oracle/InferenceOracle.sol',
  ModelRegistry: 'contracts/oracle/ModelRegistry.sol',
  ConstantProductPool: 'contracts/mocks/ConstantProductPool.sol',
  Ocr2Aggregator: 'contracts/mocks/Ocr2Aggregator.sol',
  PoolFactory: 'contracts/mocks/PoolFactory.sol',
  PoolTrader: 'contracts/mocks/PoolTrader.sol',
  TestToken: 'contracts/mocks/TestToken.sol',
  TransferBurst: 'contracts/mocks/TransferBurst.sol',
  UniqueReportLog: 'contracts/mocks/UniqueReportLog.sol',
} as const

/** Name of a contract whose artifact can be read. */
export type ContractName = keyof typeof CONTRACT_SOURCES

/** What the compiler says of a contract. `bytecode` is the creation code, `0x` for an abstract contract. */
export interface Artifact {
  readonly contractName: ContractName
  readonly abi: Abi
  readonly bytecode: Hex
}

/** A compiled contract that is not there, or is not what the compiler writes. */
export class ArtifactError extends IyiError<
  'ARTIFACT_MISSING' | 'ARTIFACT_INVALID',
  { readonly path: string }
> {}

/** Root of the project, the folder that has `contracts` and `artifacts`. */
export const PROJECT_ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

/**
 * Reads a contract's ABI and creation code from `artifacts/` under `root`, which `hardhat build` writes.
 * @throws ArtifactError `ARTIFACT_MISSING` before the first build, `ARTIFACT_INVALID` for a damaged file
 */
export async function readArtifact(name: ContractName, root: string = PROJECT_ROOT): Promise<Artifact> {
  const path = join('artifacts', CONTRACT_SOURCES[name], `${name}.json`)
  let text: string
  try {
    text = await readFile(join(root, path), 'utf8')
  } catch (cause) {
    const message = `${path} cannot be read: run \`npm run build:contracts\` first`
    throw new ArtifactError('ARTIFACT_MISSING', message, { data: { path }, cause })
  }
  const { abi, bytecode } = parse(text, path)
  return { contractName: name, abi, bytecode }
}

function parse(text: string, path: string): { abi: Abi; bytecode: Hex } {
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch (cause) {
    throw invalid(path, cause)
  }
  if (typeof found !== 'object' || found === null || !('abi' in found) || !('bytecode' in found)) {
    throw invalid(path)
  }
  const { abi, bytecode } = found
  if (!Array.isArray(abi) || !isHex(bytecode)) throw invalid(path)
  return { abi, bytecode }
}

function invalid(path: string, cause?: unknown): ArtifactError {
  const message = `${path} is not a contract artifact: delete artifacts/ and run \`npm run build:contracts\``
  return new ArtifactError('ARTIFACT_INVALID', message, { data: { path }, cause })
}
