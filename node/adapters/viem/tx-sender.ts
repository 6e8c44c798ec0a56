import { parseGwei } from 'viem'
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import type { Address, ChainReader, Hex, TxReceipt, TxRequest, TxSender } from '../../ports/chain.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Health } from '../../ports/health.ts'
import type { Logger } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { RpcEndpoint } from '../../ports/rpc-endpoint.ts'
import { ChainError, unknownChain } from './errors.ts'
import { KeyMemory } from './key-memory.ts'
import { type ChainPools, chainPools } from './pools.ts'
import { type SenderInstruments, senderInstruments } from './sender-instruments.ts'
import { Transmitter } from './transmitter.ts'
import { timedOutTx } from './tx-errors.ts'

const DEFAULT_TIMEOUT_MS = 10_000
const DEFAULT_POLL_MS = 500
const DEFAULT_MAX_FEE_GWEI = 500
const BALANCE_POLL_MS = 30_000
/** Mined keys that are remembered; older ones rely on the contract's own replay protection. */
const REMEMBERED_KEYS = 10_000

export interface SenderChain {
  /** EIP-155 chain id. */
  readonly id: number
  /** JSON-RPC over HTTP, most preferred first. */
  readonly rpc: readonly RpcEndpoint[]
}

export interface ViemTxSenderOptions {
  readonly chains: readonly SenderChain[]
  /** secp256k1 key of the transmitter account, 32 bytes. */
  readonly privateKey: Hex
  /** How long one `send` waits; the transaction is looked after beyond it. */
  readonly receiptTimeoutMs: number
  /** Age at which the oldest transaction in flight is replaced with higher fees. */
  readonly bumpAfterMs: number
  /** The most that a unit of gas may cost; 500 gwei when absent. */
  readonly maxFeeGwei?: number
  /** For one request to one provider; 10,000 when absent. */
  readonly timeoutMs?: number
  /** Between two looks at what is in flight; 500 when absent. */
  readonly pollMs?: number
}

export interface ViemTxSender extends TxSender {
  /** Begins to watch the balances. Does not wait for any provider. */
  start(): Promise<void>
  /** Ends every `send` with `CHAIN_STOPPED` (retry). */
  stop(): Promise<void>
  health(): Health
}

/**
 * Sends transactions from one account on several chains. Beyond the codes of the port, `send` rejects with
 * `ChainError` `CHAIN_UNKNOWN`, `CHAIN_UNAVAILABLE`, `CHAIN_WRONG_ID`, `CHAIN_RPC_ERROR`, `CHAIN_FEE_CAP` (retry) and
 * `CHAIN_STOPPED` (retry). Throws `CHAIN_BAD_KEY`.
 */
export function viemTxSender(
  options: ViemTxSenderOptions,
  modules: {
    readonly reader: ChainReader
    readonly clock: Clock
    readonly log: Logger
    readonly metrics: Metrics
    /** The providers, where others use them too; else the sender has its own. */
    readonly pools?: ChainPools
  },
): ViemTxSender {
  return new Sender(options, modules)
}

class Sender implements ViemTxSender {
  readonly address: Address
  readonly #transmitters = new Map<number, Transmitter>()
  readonly #balances = new Map<number, bigint>()
  readonly #keys = new KeyMemory<TxReceipt>({ limit: REMEMBERED_KEYS })
  readonly #receiptTimeoutMs: number
  readonly #bumpAfterMs: number
  readonly #reader: ChainReader
  readonly #clock: Clock
  readonly #log: Logger
  readonly #instruments: SenderInstruments
  #timer: Timer | null = null
  #running = false

  constructor(options: ViemTxSenderOptions, modules: Parameters<typeof viemTxSender>[1]) {
    const account = accountOf(options.privateKey)
    this.address = account.address
    this.#receiptTimeoutMs = options.receiptTimeoutMs
    this.#bumpAfterMs = options.bumpAfterMs
    this.#reader = modules.reader
    this.#clock = modules.clock
    this.#log = modules.log
    this.#instruments = senderInstruments(modules.metrics)
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS
    const maxFeePerGas = parseGwei(String(options.maxFeeGwei ?? DEFAULT_MAX_FEE_GWEI))
    const pools = modules.pools ?? chainPools({ chains: options.chains, timeoutMs }, modules)
    for (const { id } of options.chains) {
      const pool = pools.pool(id)
      const transmitter = new Transmitter(
        {
          chainId: id,
          maxFeePerGas,
          bumpAfterMs: options.bumpAfterMs,
          pollMs: options.pollMs ?? DEFAULT_POLL_MS,
        },
        { ...modules, account, pool, instruments: this.#instruments },
      )
      this.#transmitters.set(id, transmitter)
    }
  }

  async start(): Promise<void> {
    if (this.#running) return
    this.#running = true
    void this.#watchBalances()
  }

  async stop(): Promise<void> {
    this.#running = false
    this.#timer?.cancel()
    this.#timer = null
    for (const transmitter of this.#transmitters.values()) transmitter.stop()
  }

  async send(request: TxRequest): Promise<TxReceipt> {
    const transmitter = this.#transmitters.get(request.chainId)
    if (transmitter === undefined) throw unknownChain(request.chainId)
    const receipt = this.#keys.join(`${request.chainId}/${request.key}`, () => transmitter.submit(request))
    return await this.#within(receipt, request)
  }

  health(): Health {
    const problems: string[] = []
    for (const [chain, transmitter] of this.#transmitters) {
      if (this.#balances.get(chain) === 0n) problems.push(`fund ${this.address} on chain ${chain}`)
      if (transmitter.oldestMs > 3 * this.#bumpAfterMs + this.#receiptTimeoutMs) {
        problems.push(
          `look into ${transmitter.inFlight} stuck transactions of ${this.address} on chain ${chain}`,
        )
      }
    }
    return problems.length === 0 ? { status: 'ok' } : { status: 'degraded', reason: problems.join('; ') }
  }

  async #within(receipt: Promise<TxReceipt>, request: TxRequest): Promise<TxReceipt> {
    return await new Promise((resolve, reject) => {
      const timer = this.#clock.setTimer(this.#receiptTimeoutMs, () => {
        reject(timedOutTx({ chainId: request.chainId, address: this.address, key: request.key }))
      })
      receipt.then(resolve, reject).finally(() => timer.cancel())
    })
  }

  async #watchBalances(): Promise<void> {
    for (const chain of this.#transmitters.keys()) {
      try {
        const balance = await this.#reader.balance(chain, this.address)
        this.#balances.set(chain, balance)
        this.#instruments.balance.set(Number(balance), { chain })
      } catch (error) {
        const reason = error instanceof Error ? error.message : 'unknown'
        this.#log.debug({ chain, reason }, 'Read the balance again later')
      }
    }
    if (this.#running) this.#timer = this.#clock.setTimer(BALANCE_POLL_MS, () => void this.#watchBalances())
  }
}

function accountOf(privateKey: Hex): PrivateKeyAccount {
  try {
    return privateKeyToAccount(privateKey)
  } catch {
    // Without the cause: its text may quote the key.
    throw new ChainError(
      'CHAIN_BAD_KEY',
      'Give the transmitter key as 0x and 64 hex digits of a valid secp256k1 key',
      {
        data: {},
      },
    )
  }
}
