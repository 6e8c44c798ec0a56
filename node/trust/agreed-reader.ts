import { numberToHex } from 'viem'
import type { AgreementStore } from '../ports/agreement-store.ts'
import type { BlockRef, ChainLog, ChainReader, Hex } from '../ports/chain.ts'
import type { Clock } from '../ports/clock.ts'
import { IyiError } from '../ports/errors.ts'
import type { Witness, WitnessedHeader } from '../ports/witness.ts'
import { TrustError } from './errors.ts'
import { evidenceOf } from './evidence.ts'
import { askPanel } from './panel.ts'
import { logsDigest } from './statement.ts'

/** For one provider, before another one is asked too. */
const HEDGE_MS = 2_000

/**
 * A `ChainReader` whose reads of a given block are those of several independent providers: `block`, `call` and `logs`
 * resolve only when as many as the chain's agreement asks for say the same. What moves (`head`, `latest`, balances) and
 * what names itself by hash (transactions, receipts) comes from one provider as before. Beyond the reader's own
 * rejections: `TrustError` `TRUST_NOT_AGREED` (retry) when too few answer, `TRUST_DISAGREEMENT` (retry, with evidence for a
 * call) when they contradict each other.
 */
export function agreedReader(
  options: { readonly chains: readonly { readonly id: number; readonly agreement: number }[] },
  modules: {
    readonly reader: ChainReader
    /** The providers that count. */
    readonly counting: (chainId: number) => readonly Witness[]
    readonly store: Pick<AgreementStore, 'record'>
    readonly clock: Clock
  },
): ChainReader {
  const { clock, counting, reader, store } = modules
  const needed = new Map(options.chains.map(({ id, agreement }) => [id, agreement]))
  /** One provider is what the reader asks anyway. */
  const alone = (chainId: number) => (needed.get(chainId) ?? 1) < 2

  /** What enough providers say, told apart by `key`. */
  async function agree<T>(
    chainId: number,
    what: string,
    ask: (witness: Witness) => Promise<T>,
    key: (answer: T) => string,
  ): Promise<T> {
    const k = needed.get(chainId) ?? 1
    const { answers, failures } = await askPanel(
      {
        witnesses: counting(chainId),
        k,
        hedgeMs: HEDGE_MS,
        ask: async (witness) => ({ witness, answer: await ask(witness) }),
        disputed: (told) => new Set(told.map(({ answer }) => key(answer))).size > 1,
      },
      { clock },
    )
    const [first] = answers
    if (first !== undefined && new Set(answers.map(({ answer }) => key(answer))).size > 1)
      throw disagreement(chainId, what)
    if (first === undefined || answers.length < k)
      throw new TrustError(
        'TRUST_NOT_AGREED',
        `${answers.length} of ${k} independent providers of chain ${chainId} answered ${what}: ${failures.join('; ')}`,
        { data: { chainId, reason: failures.join('; ') }, retry: true },
      )
    return first.answer
  }

  async function header(chainId: number, at: bigint | Hex): Promise<WitnessedHeader | null> {
    return await agree(
      chainId,
      `which block is ${at}`,
      (witness) => witness.header(at),
      (found) =>
        found === null ? 'none' : `${found.number} ${found.hash} ${found.parentHash} ${found.timestamp}`,
    )
  }

  return {
    chains: () => reader.chains(),
    head: (chainId) => reader.head(chainId),
    finalized: (chainId) => reader.finalized(chainId),
    transaction: (chainId, hash) => reader.transaction(chainId, hash),
    receipt: (chainId, hash) => reader.receipt(chainId, hash),
    balance: (chainId, address) => reader.balance(chainId, address),

    async block(chainId, at) {
      if (at === 'latest' || alone(chainId)) return await reader.block(chainId, at)
      const found = await header(chainId, at)
      return found === null ? null : blockOf(found)
    },

    async call(chainId, request) {
      const { at = 'latest', to, data } = request
      if (at === 'latest' || alone(chainId)) return await reader.call(chainId, request)
      const block = await header(chainId, at)
      if (block === null) throw missing(chainId, at)
      const told: CallAnswer[] = []
      try {
        const { answer, revert } = await agree(
          chainId,
          `a call of ${to}`,
          async (witness) => {
            const each = { witness, ...(await answerOf(witness.call({ to, data }, block.hash))) }
            told.push(each)
            return each
          },
          (each) => `${each.revert === null ? '' : 'reverted '}${each.answer.toLowerCase()}`,
        )
        if (revert !== null) throw revert
        return answer
      } catch (error) {
        if (error instanceof TrustError && error.code === 'TRUST_DISAGREEMENT')
          await recordCall(chainId, block, told)
        throw error
      }
    },

    async logs(chainId, filter) {
      if (alone(chainId)) return await reader.logs(chainId, filter)
      const { address, topics = [], fromBlock, toBlock } = filter
      const [first = null, ...others] = topics
      const logs = await agree(
        chainId,
        `logs of ${address}`,
        (witness) =>
          witness.logs({
            addresses: [address],
            topics: first === null ? [] : [first],
            at: { from: fromBlock, to: toBlock },
          }),
        logsDigest,
      )
      return logs.filter((log) => others.every((topic, at) => topic === null || log.topics[at + 1] === topic))
    },
  }

  async function recordCall(
    chainId: number,
    block: WitnessedHeader,
    told: readonly CallAnswer[],
  ): Promise<void> {
    const none: readonly ChainLog[] = []
    await store.record(
      evidenceOf(
        {
          chainId,
          kind: 'call',
          block: { number: block.number.toString(), hash: block.hash },
          claims: told.map(({ witness, answer }) => ({
            witness,
            answer,
            header: block,
            logs: none,
            verdict: 'unproven' as const,
          })),
        },
        clock.now(),
      ),
    )
  }
}

interface CallAnswer {
  readonly witness: Witness
  /** Return data, or that of the revert. */
  readonly answer: Hex
  readonly revert: IyiError | null
}

/** A revert is an answer, which every provider must give alike. */
async function answerOf(call: Promise<Hex>): Promise<Pick<CallAnswer, 'answer' | 'revert'>> {
  try {
    return { answer: await call, revert: null }
  } catch (error) {
    if (!(error instanceof IyiError) || error.code !== 'CHAIN_CALL_REVERTED') throw error
    const { data } = error.data as { data?: Hex }
    return { answer: data ?? '0x', revert: error }
  }
}

function blockOf({ number, hash, parentHash, timestamp }: WitnessedHeader): BlockRef {
  return { number, hash, parentHash, timestamp }
}

function disagreement(chainId: number, what: string): TrustError {
  return new TrustError(
    'TRUST_DISAGREEMENT',
    `The providers of chain ${chainId} contradict each other about ${what}: replace the one that is wrong`,
    { data: { chainId, reason: what }, retry: true },
  )
}

function missing(chainId: number, at: bigint | Hex): TrustError {
  const block = typeof at === 'bigint' ? numberToHex(at) : at
  return new TrustError('TRUST_NOT_AGREED', `The providers of chain ${chainId} have no block ${block} yet`, {
    data: { chainId, block },
    retry: true,
  })
}
