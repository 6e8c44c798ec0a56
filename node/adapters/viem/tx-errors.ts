import type { Address, Hex, TxRequest } from '../../ports/chain.ts'
import { ChainError } from './errors.ts'
import { revertReason } from './revert.ts'

/** Whose transaction failed, and where. */
export interface TxSubject {
  readonly chainId: number
  readonly address: Address
  /** Idempotency key; absent for a transfer that only fills a nonce. */
  readonly key?: string
}

function facts({ chainId, key }: TxSubject): { readonly chainId: number; readonly key?: string } {
  return key === undefined ? { chainId } : { chainId, key }
}

/** `CHAIN_TX_REVERTED`: before spending when `hash` is absent, on-chain otherwise. */
export function revertedTx(
  subject: TxSubject,
  request: TxRequest,
  revert: { readonly data: Hex; readonly said?: string; readonly hash?: Hex },
): ChainError {
  const { data, said, hash } = revert
  const reason = data === '0x' && said !== undefined ? said : revertReason(data)
  return new ChainError('CHAIN_TX_REVERTED', `Contract ${request.to} rejected the transaction: ${reason}`, {
    data: { ...facts(subject), reason, data, ...(hash === undefined ? {} : { hash }) },
  })
}

export function noFunds(subject: TxSubject): ChainError {
  const message = `Fund the transmitter ${subject.address} on chain ${subject.chainId}`
  return new ChainError('CHAIN_INSUFFICIENT_FUNDS', message, { data: facts(subject) })
}

export function feeCap(subject: TxSubject, capWei: bigint, reason: string): ChainError {
  return new ChainError(
    'CHAIN_FEE_CAP',
    `Raise the fee cap of chain ${subject.chainId}, or wait for fees to fall: ${capWei} wei a gas is not enough`,
    { data: { ...facts(subject), reason }, retry: true },
  )
}

export function refusedTx(subject: TxSubject, reason: string): ChainError {
  return new ChainError('CHAIN_RPC_ERROR', `Chain ${subject.chainId} refused a transaction: ${reason}`, {
    data: { ...facts(subject), method: 'eth_sendRawTransaction', reason },
  })
}

export function noNonce(subject: TxSubject): ChainError {
  return new ChainError(
    'CHAIN_UNAVAILABLE',
    `Make sure that nothing else sends from ${subject.address}: no free nonce was found`,
    { data: { ...facts(subject), reason: 'no free nonce' }, retry: true },
  )
}

export function timedOutTx(subject: TxSubject): ChainError {
  return new ChainError(
    'CHAIN_TX_TIMEOUT',
    `Wait on with the same key: ${subject.key} is not mined yet on chain ${subject.chainId}`,
    { data: facts(subject), retry: true },
  )
}

export function stoppedTx(subject: TxSubject): ChainError {
  return new ChainError(
    'CHAIN_STOPPED',
    'Look the transaction up after a restart: the node stopped meanwhile',
    {
      data: facts(subject),
      retry: true,
    },
  )
}
