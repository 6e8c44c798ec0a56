import { keccak256, type PrivateKeyAccount } from 'viem'
import type { ChainReader, Hex, TxRequest } from '../../ports/chain.ts'
import type { Logger } from '../../ports/log.ts'
import { broadcast } from './broadcast.ts'
import { bumpedFees, type Fees, marketFees } from './fees.ts'
import type { Nonces } from './nonces.ts'
import type { ProviderPool } from './provider-pool.ts'
import { feeCap, noFunds, noNonce, refusedTx, type TxSubject } from './tx-errors.ts'

/** Nonces and fees tried for one transaction before its chain counts as unusable. */
const MAX_ATTEMPTS = 8

/** What is to be sent. A null request is a transfer of nothing to oneself, which only fills a nonce. */
export interface Draft {
  readonly request: TxRequest | null
  readonly gas: bigint
}

/** A transaction that is in a pool, or may be. */
export interface Launched {
  readonly nonce: number
  readonly fees: Fees
  readonly raw: Hex
  readonly hash: Hex
}

export interface LaunchModules {
  readonly account: PrivateKeyAccount
  readonly pool: ProviderPool
  readonly reader: ChainReader
  readonly nonces: Nonces
  readonly log: Logger
}

/** Signs a draft under a nonce and fees: EIP-1559 (type 2), or legacy with EIP-155 replay protection. */
export async function signDraft(
  draft: Draft,
  terms: { readonly chainId: number; readonly nonce: number; readonly fees: Fees },
  account: PrivateKeyAccount,
): Promise<Hex> {
  const { chainId, nonce, fees } = terms
  const to = draft.request?.to ?? account.address
  const { data = '0x', value = 0n } = draft.request ?? {}
  const common = { chainId, to, nonce, data, value, gas: draft.gas }
  return fees.type === 'eip1559'
    ? await account.signTransaction({ ...common, ...fees, type: 'eip1559' })
    : await account.signTransaction({ ...common, ...fees, type: 'legacy' })
}

/**
 * Signs a draft and hands it to the chain, under the next free nonce or under `nonce`. Null when `nonce` was given and
 * is taken already. The caller holds the account's lock. Rejects with `ChainError`.
 */
export async function launch(
  draft: Draft,
  options: {
    readonly subject: TxSubject
    readonly capWei: bigint
    readonly inFlight: number
    readonly nonce?: number
  },
  modules: LaunchModules,
): Promise<Launched | null> {
  const { subject, capWei } = options
  const { account, pool, reader, nonces, log } = modules
  const fixed = options.nonce !== undefined
  const { chainId } = subject
  let fees = await marketFees(pool, capWei)
  let nonce = options.nonce ?? (await nonces.next(options.inFlight))
  const taken = async (): Promise<void> => {
    log.warn(
      { chain: chainId, nonce },
      'Make sure that nothing else sends from the transmitter account: a nonce was taken',
    )
    nonce = await nonces.after(nonce)
  }
  const raise = async (reason: string): Promise<void> => {
    const higher = bumpedFees(fees, await marketFees(pool, capWei), capWei)
    if (higher === null) throw feeCap(subject, capWei, reason)
    fees = higher
  }
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const raw = await signDraft(draft, { chainId, nonce, fees }, account)
    const hash = keccak256(raw)
    const { outcome, reason } = await broadcast(pool, raw)
    // An earlier answer may have been lost after the transaction was taken, and mined by now.
    const ours = outcome === 'nonce_low' && (await reader.receipt(chainId, hash)) !== null
    if (outcome === 'accepted' || outcome === 'unknown' || ours) {
      if (!fixed) nonces.took(nonce)
      return { nonce, fees, raw, hash }
    }
    if (outcome === 'funds') throw noFunds(subject)
    if (outcome === 'refused') throw refusedTx(subject, reason)
    if (outcome === 'fee_low' || (outcome === 'occupied' && fixed)) await raise(reason)
    else if (fixed) return null
    else if (outcome === 'nonce_high') nonce = await nonces.count('pending')
    else await taken()
  }
  throw noNonce(subject)
}
