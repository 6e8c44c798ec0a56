import assert from 'node:assert/strict'
import hre from 'hardhat'
import {
  type Address,
  BaseError,
  type Chain,
  ContractFunctionRevertedError,
  createPublicClient,
  createTestClient,
  createWalletClient,
  custom,
  getAddress,
  type Hex,
  type PublicClient,
  type TestClient,
  type TransactionReceipt,
  TransactionReceiptNotFoundError,
  type Transport,
  type WalletClient,
} from 'viem'
import { hardhat } from 'viem/chains'
import { type ContractName, readArtifact } from '../../scripts/artifacts.ts'

/** A chain of its own in this process, with clients and twenty funded accounts that it signs for. */
export interface Network {
  readonly chainId: number
  readonly accounts: readonly Address[]
  readonly public: PublicClient<Transport, Chain>
  readonly wallet: WalletClient<Transport, Chain>
  readonly test: TestClient<'hardhat', Transport, Chain>
  close(): Promise<void>
}

/** Starts a chain. Every call gets another one. */
export async function openNetwork(): Promise<Network> {
  const connection = await hre.network.create()
  const options = {
    chain: hardhat,
    transport: custom(connection.provider, { retryCount: 0 }),
    pollingInterval: 5,
  }
  const wallet = createWalletClient(options)
  return {
    chainId: await wallet.getChainId(),
    accounts: await wallet.getAddresses(),
    public: createPublicClient({ ...options, cacheTime: 0 }),
    wallet,
    test: createTestClient({ ...options, mode: 'hardhat' }),
    close: () => connection.close(),
  }
}

/** Deploys a compiled contract from the first account. */
export async function deploy(
  network: Network,
  name: ContractName,
  args: readonly unknown[] = [],
): Promise<Address> {
  const { abi, bytecode } = await readArtifact(name)
  const hash = await network.wallet.deployContract({ abi, bytecode, args, account: sender(network, 0) })
  const { contractAddress } = await mined(network, hash)
  assert(contractAddress, `${name} was not deployed`)
  return getAddress(contractAddress)
}

/** Account `index` of the chain. */
export function sender(network: Network, index: number): Address {
  const account = network.accounts[index]
  assert(account, `the chain has no account ${index}`)
  return account
}

/** Waits for a transaction and asserts that it succeeded. The chain mines at once, so this seldom waits. */
export async function mined(network: Network, hash: Hex): Promise<TransactionReceipt> {
  const receipt = await network.public.getTransactionReceipt({ hash }).catch((error: unknown) => {
    if (error instanceof TransactionReceiptNotFoundError)
      return network.public.waitForTransactionReceipt({ hash })
    throw error
  })
  assert.equal(receipt.status, 'success', `transaction ${hash} reverted`)
  return receipt
}

/** Name and arguments of the custom error with which a contract call is refused. */
export async function refusal(call: Promise<unknown>): Promise<{ name: string; args: readonly unknown[] }> {
  try {
    await call
  } catch (error) {
    const revert = error instanceof BaseError && error.walk((e) => e instanceof ContractFunctionRevertedError)
    if (revert instanceof ContractFunctionRevertedError && revert.data !== undefined) {
      return { name: revert.data.errorName, args: revert.data.args ?? [] }
    }
    throw error
  }
  assert.fail('the call was not refused')
}
