import type { BlockRef, ChainReader } from '../../node/ports/chain.ts'
import type { ChainTrust } from '../../node/ports/chain-trust.ts'
import { IyiError } from '../../node/ports/errors.ts'
import { OracleError } from './errors.ts'
import type { Pin, Pinned } from './feed-types.ts'

export const lastPin = (previous: Pinned | null, chainId: number): Pin | null =>
  previous?.pins.find((pin) => pin.chainId === chainId) ?? null

export const pinOf = (chainId: number, block: BlockRef): Pin => ({
  chainId,
  number: block.number,
  hash: block.hash,
  timestamp: block.timestamp,
})

export const samePin = (a: Pin, b: Pin): boolean =>
  a.chainId === b.chainId && a.number === b.number && a.hash === b.hash && a.timestamp === b.timestamp

/** Every pin is that of the previous round: there is nothing new to agree on. */
export function nothingMoved(pins: readonly Pin[], previous: Pinned | null): boolean {
  if (previous === null) return false
  return pins.every((pin) => previous.pins.some((last) => samePin(pin, last)))
}

/**
 * True when this node's own chain proves that a pinned block was reorganised away: another block at its height, or a
 * lower head that is nevertheless younger. Within one chain time never falls as the height rises, so a provider that is
 * merely behind shows neither.
 */
export async function isGone(pin: Pin, chain: ChainReader): Promise<boolean> {
  const own = await chain.block(pin.chainId, pin.number)
  if (own !== null) return own.hash !== pin.hash
  const head = await chain.head(pin.chainId)
  return head.number < pin.number && head.timestamp > pin.timestamp
}

export function confirmationsOf(chain: ChainReader, chainId: number): number {
  const info = chain.chains().find((candidate) => candidate.id === chainId)
  if (info === undefined)
    throw new OracleError('ORACLE_BAD_PIN', `chain ${chainId} is not configured at this node: add it`, {
      chainId,
    })
  return info.confirmations
}

/**
 * Nothing is said about a feed while one of its chains is halted, not even that nothing moved.
 * @throws OracleError `ORACLE_CHAIN_HALTED`
 */
export function checkHalts(chainIds: readonly number[], trust: ChainTrust): void {
  const halt = trust.halts().find(({ chainId }) => chainIds.includes(chainId))
  if (halt === undefined) return
  const { chainId, cause, reason } = halt
  throw new OracleError('ORACLE_CHAIN_HALTED', `chain ${chainId} is halted (${cause}): ${reason}`, {
    chainId,
    cause,
  })
}

/** The chain or the index can't be read for the moment. */
export const isPassing = (error: unknown): boolean => error instanceof IyiError && error.retry

/** Confirmations make a pin older than the head by design; this many seconds a block covers the slowest common chain. */
const SECONDS_PER_CONFIRMATION = 12

/** Whether a block lies farther behind a chain's head than the feed's rules let a pin be. */
export function isTooOld(
  block: { readonly timestamp: number },
  head: { readonly timestamp: number },
  confirmations: number,
  maxAgeSeconds: number,
): boolean {
  return head.timestamp - block.timestamp > maxAgeSeconds + confirmations * SECONDS_PER_CONFIRMATION
}
