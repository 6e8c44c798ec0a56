import type { ChainReader } from '../../node/ports/chain.ts'
import type { ChainHalt, ChainTrust } from '../../node/ports/chain-trust.ts'
import { IyiError } from '../../node/ports/errors.ts'

export interface MemoryTrust extends ChainTrust {
  /** Newest agreed block of a chain: one of `blocks`, or null. Everything is agreed on before the first call. */
  agree(chainId: number, block: { number: bigint; hash: `0x${string}` } | null): void
  halt(chainId: number): void
}

/** `ChainTrust` by decree: a chain is agreed on as far as anybody wants, until it is told otherwise. */
export function memoryTrust(chain: Pick<ChainReader, 'block'>): MemoryTrust {
  const agreed = new Map<number, { number: bigint; hash: `0x${string}` } | null>()
  const halted: ChainHalt[] = []
  const everything = { number: 2n ** 62n, hash: `0x${'00'.repeat(32)}` } as const
  const of = (chainId: number) => {
    const found = agreed.get(chainId)
    return found === undefined ? everything : found
  }
  return {
    agree: (chainId, block) => void agreed.set(chainId, block),
    halt: (chainId) => {
      halted.push({ chainId, cause: 'disagreement', reason: 'they disagree', since: 0 })
    },
    agreed: (chainId) => {
      const found = of(chainId)
      return found === null || halted.some((halt) => halt.chainId === chainId) ? null : { chainId, ...found }
    },
    halts: () => halted,
    waitFor: async ({ chainId, number, hash }) => {
      const fail = (code: string, retry: boolean) =>
        new IyiError(code, 'not agreed', { data: { chainId }, retry })
      if (halted.some((halt) => halt.chainId === chainId)) throw fail('TRUST_HALTED', false)
      if (number > (of(chainId)?.number ?? -1n)) throw fail('TRUST_NOT_AGREED', true)
      const own = await chain.block(chainId, number).catch(() => null)
      if (own !== null && own.hash !== hash) throw fail('TRUST_OTHER_BLOCK', false)
    },
  }
}
