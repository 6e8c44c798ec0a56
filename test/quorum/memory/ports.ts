import { randomBytes } from 'node:crypto'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import {
  bytesToHex,
  encodeAbiParameters,
  encodeEventTopics,
  encodeFunctionResult,
  getAddress,
  type Hex,
  keccak256,
  toHex,
} from 'viem'
import { ConsensusKey } from '../../../node/adapters/keystore/keys.ts'
import type {
  Address,
  ChainLog,
  ChainReader,
  TxReceipt,
  TxRequest,
  TxSender,
} from '../../../node/ports/chain.ts'
import type { Clock } from '../../../node/ports/clock.ts'
import { IyiError } from '../../../node/ports/errors.ts'
import type { Logger } from '../../../node/ports/log.ts'
import type { Metrics } from '../../../node/ports/metrics.ts'
import type { PeerTransport } from '../../../node/ports/network.ts'
import type {
  ContractRef,
  EvidenceRecord,
  OffenceRecord,
  QuorumSnapshot,
  QuorumStore,
} from '../../../node/ports/quorum.ts'
import type { GuardedSigner, SigningSlot, ValidatorSigners } from '../../../node/ports/signer.ts'
import { OCR2_ABI } from '../../../node/quorum/config.ts'
import { configDigest } from '../../../node/quorum/digest.ts'
import {
  encodeOffchainConfig,
  OFFCHAIN_CONFIG_VERSION,
  type TimingParameters,
} from '../../../node/quorum/offchain-config.ts'
import { sealSecret } from '../../../node/quorum/shared-secret.ts'

import { memoryOffences } from '../../fakes/offences.ts'

export const silentLog: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
}

/** Counts by `name{label values}`. */
export class MemoryMetrics implements Metrics {
  readonly values = new Map<string, number>()
  #add(name: string, labels: object | undefined, by: number, keep: boolean): void {
    const key = `${name}{${Object.values(labels ?? {}).join(',')}}`
    this.values.set(key, keep ? (this.values.get(key) ?? 0) + by : by)
  }
  counter({ name }: { name: string }) {
    return { inc: (labels?: object, by = 1) => this.#add(name, labels, by, true) }
  }
  gauge({ name }: { name: string }) {
    return { set: (value: number, labels?: object) => this.#add(name, labels, value, false) }
  }
  histogram({ name }: { name: string }) {
    return { observe: (_value: number, labels?: object) => this.#add(name, labels, 1, true) }
  }
}

export class SignerFailure extends IyiError<string, object> {}

/** A guard with the semantics of the port, in memory; it outlives the node that uses it. */
function guarded(sign: (payload: Uint8Array) => Uint8Array): GuardedSigner & { failNext: SignerFailure[] } {
  const history = new Map<string, { position: readonly [bigint, bigint]; payload: Hex }>()
  const failNext: SignerFailure[] = []
  return {
    failNext,
    sign: async (slot: SigningSlot, payload) => {
      const failure = failNext.shift()
      if (failure !== undefined) throw failure
      const key = `${slot.purpose}/${slot.scope}`
      const last = history.get(key)
      const hex = bytesToHex(payload)
      if (last !== undefined) {
        const [a, b] = slot.position
        const [x, y] = last.position
        if (a < x || (a === x && b < y))
          throw new SignerFailure('SIGNER_SLOT_PASSED', 'passed', { data: { slot } })
        if (a === x && b === y && hex !== last.payload) {
          throw new SignerFailure('SIGNER_SLOT_CONFLICT', 'conflict', { data: { slot } })
        }
      }
      history.set(key, { position: slot.position, payload: hex })
      return sign(payload)
    },
  }
}

/** The four identities of a validator, on real curves. */
export interface Identity {
  readonly signers: ValidatorSigners & {
    readonly consensus: { failNext: SignerFailure[] }
    readonly report: { failNext: SignerFailure[] }
  }
  readonly peerKey: Uint8Array
  readonly transmitter: Address
  /** The bare keys: for a validator that signs what it likes. */
  readonly unguarded: {
    consensus(payload: Uint8Array): Uint8Array
    report(digest: Uint8Array): Uint8Array
  }
}

/** Fresh keys, never seen before. */
export function makeIdentity(): Identity {
  return identityOf(() => randomBytes(32))
}

/** The keys that 32 bytes each make. */
export function identityOf(
  secret: (purpose: 'consensus' | 'report' | 'peer' | 'transmitter') => Uint8Array,
): Identity {
  const consensus = new ConsensusKey(secret('consensus'))
  const reportKey = secret('report')
  return {
    peerKey: new ConsensusKey(secret('peer')).publicKey,
    transmitter: getAddress(toHex(secret('transmitter').slice(0, 20))),
    unguarded: {
      consensus: (payload) => consensus.sign(payload),
      report: (digest) => signReport(digest, reportKey),
    },
    signers: {
      consensus: {
        ...guarded((payload) => consensus.sign(payload)),
        publicKey: consensus.publicKey,
        agree: async (publicKey) => consensus.agree(publicKey),
      },
      report: {
        ...guarded((digest) => signReport(digest, reportKey)),
        address: addressOf(reportKey),
      },
    },
  }
}

function signReport(digest: Uint8Array, key: Uint8Array): Uint8Array {
  const recovered = secp256k1.sign(digest, key, { prehash: false, format: 'recovered' })
  const out = new Uint8Array(65)
  out.set(recovered.subarray(1))
  out[64] = recovered[0] ?? 0
  return out
}

function addressOf(key: Uint8Array): Address {
  return getAddress(`0x${keccak256(secp256k1.getPublicKey(key, false).slice(1)).slice(26)}`)
}

export class MemoryStore implements QuorumStore {
  readonly #offences = memoryOffences()
  readonly snapshots = new Map<Hex, QuorumSnapshot>()
  readonly records = new Map<string, EvidenceRecord>()
  /** While set, every write rejects with it. */
  failure: Error | null = null
  saves = 0

  async load(instance: Hex): Promise<QuorumSnapshot> {
    return this.snapshots.get(instance) ?? { pacemaker: null, certificate: null, committed: null }
  }

  async save(instance: Hex, change: Partial<QuorumSnapshot>): Promise<void> {
    this.saves++
    if (this.failure !== null) throw this.failure
    this.snapshots.set(instance, { ...(await this.load(instance)), ...change })
  }

  async saveEvidence(record: EvidenceRecord): Promise<void> {
    if (this.failure !== null) throw this.failure
    this.records.set(`${record.dutyId}/${record.configDigest}/${record.seqNr}`, record)
  }

  async evidence(dutyId: string, digest: Hex, seqNr: bigint): Promise<EvidenceRecord | null> {
    return this.records.get(`${dutyId}/${digest}/${seqNr}`) ?? null
  }

  async saveOffence(record: OffenceRecord): Promise<void> {
    if (this.failure !== null) throw this.failure
    await this.#offences.saveOffence(record)
  }

  offences = this.#offences.offences
  offence = this.#offences.offence
}

/** Members of every channel, by peer key: what a network of validators would be. */
export class MemoryHub {
  readonly #channels = new Map<string, (from: number, bytes: Uint8Array) => void>()
  readonly #later: (run: () => void) => void
  /** Everything sent: `[channel, from, to, bytes]`. */
  onSend: (channel: string, from: number, to: number, bytes: Uint8Array) => void = () => {}
  /** What arrives in place of a message. */
  tamper: (from: number, to: number, bytes: Uint8Array) => readonly Uint8Array[] = (_from, _to, bytes) => [
    bytes,
  ]

  /** Delivers at once what `from` says to the member with this key, be it a validator or only has a place. */
  inject(channel: string, peerKey: Uint8Array, from: number, bytes: Uint8Array): void {
    this.#channels.get(`${channel}/${bytesToHex(peerKey)}`)?.(from, bytes)
  }

  /** `later` runs a delivery: by a clock, or as soon as possible. */
  constructor(later: (run: () => void) => void) {
    this.#later = later
  }

  transport(): PeerTransport {
    return {
      open: async ({ channel, peers, self, onMessage }) => {
        const address = (i: number) => `${channel}/${bytesToHex(peers[i] ?? new Uint8Array())}`
        this.#channels.set(address(self), onMessage)
        return {
          send: (to, bytes) => {
            this.onSend(channel, self, to, bytes)
            for (const each of this.tamper(self, to, bytes))
              this.#later(() => this.#channels.get(address(to))?.(self, each))
          },
          connected: () => peers.flatMap((_, i) => (i !== self && this.#channels.has(address(i)) ? [i] : [])),
          close: async () => {
            this.#channels.delete(address(self))
          },
        }
      },
    }
  }
}

/** A chain with contracts that have an OCR2 configuration and nothing else. */
export class MemoryChain implements ChainReader {
  head_ = 100n
  readonly configs = new Map<string, { digest: Hex; count: number; block: bigint; log: ChainLog }>()

  /** As the contract's `setConfig` would. */
  setConfig(
    contract: ContractRef,
    options: {
      identities: readonly Identity[]
      f: number
      timing: TimingParameters
      onchainConfig?: Hex
      pluginConfig?: Hex
      /** Replaces what the event says. */
      tamper?: { f?: number }
    },
  ): Hex {
    const key = contract.address.toLowerCase()
    const count = (this.configs.get(key)?.count ?? 0) + 1
    const signers = options.identities.map(({ signers: { report } }) => report.address)
    const transmitters = options.identities.map(({ transmitter }) => transmitter)
    const onchainConfig = options.onchainConfig ?? '0x'
    const offchainConfig = encodeOffchainConfig({
      timing: options.timing,
      oracles: options.identities.map(({ peerKey, signers: { consensus } }) => ({
        peerKey: bytesToHex(peerKey),
        consensusKey: bytesToHex(consensus.publicKey),
      })),
      pluginConfig: options.pluginConfig ?? '0x',
      secret: sealSecret(
        options.identities.map(({ signers: { consensus } }) => bytesToHex(consensus.publicKey)),
        randomBytes,
      ),
    })
    const fields = {
      contract,
      configCount: BigInt(count),
      signers,
      transmitters,
      f: options.f,
      onchainConfig,
      offchainConfigVersion: OFFCHAIN_CONFIG_VERSION,
      offchainConfig,
    }
    const digest = configDigest(fields)
    const event = OCR2_ABI[0]
    const data = encodeAbiParameters(event.inputs, [
      0,
      digest,
      fields.configCount,
      signers,
      transmitters,
      options.tamper?.f ?? options.f,
      onchainConfig,
      OFFCHAIN_CONFIG_VERSION,
      offchainConfig,
    ])
    const block = this.head_
    const log: ChainLog = {
      address: contract.address,
      topics: encodeEventTopics({ abi: [event], eventName: 'ConfigSet' }) as Hex[],
      data,
      blockNumber: block,
      blockHash: keccak256('0x01'),
      transactionHash: keccak256('0x02'),
      logIndex: 0,
    }
    this.configs.set(key, { digest, count, block, log })
    return digest
  }

  chains() {
    return [{ id: 31337, name: 'memory', confirmations: 2 }]
  }
  async head() {
    return { number: this.head_, hash: keccak256('0x03'), parentHash: keccak256('0x04'), timestamp: 0 }
  }
  async call(_chainId: number, request: { to: Address; data: Hex; at?: bigint | Hex }): Promise<Hex> {
    const config = this.configs.get(request.to.toLowerCase())
    if (config === undefined) return '0x'
    const visible = typeof request.at === 'bigint' && config.block <= request.at
    return encodeFunctionResult({
      abi: OCR2_ABI,
      functionName: 'latestConfigDetails',
      result: visible ? [config.count, Number(config.block), config.digest] : [0, 0, `0x${'00'.repeat(32)}`],
    })
  }
  async logs(_chainId: number, filter: { address: Address }) {
    const config = this.configs.get(filter.address.toLowerCase())
    return config === undefined ? [] : [config.log]
  }
  finalized = () => this.head()
  block = async () => null
  transaction = async () => null
  receipt = async () => null
  balance = async () => 0n
}

/** Takes every transaction; mines it at once. */
export class MemorySender implements TxSender {
  readonly address: Address
  readonly sent: TxRequest[] = []
  failures: Error[] = []
  constructor(address: Address) {
    this.address = address
  }
  async send(request: TxRequest): Promise<TxReceipt> {
    const failure = this.failures.shift()
    if (failure !== undefined) throw failure
    this.sent.push(request)
    return {
      hash: keccak256(request.data),
      status: 'success',
      blockNumber: 1n,
      gasUsed: 1n,
      effectiveGasPrice: 1n,
    }
  }
}

/** The machine's own clock, for benchmarks. */
export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer: (delayMs, fire) => {
    const timer = setTimeout(fire, delayMs)
    return { cancel: () => clearTimeout(timer) }
  },
}
