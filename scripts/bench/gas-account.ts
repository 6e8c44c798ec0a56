import assert from 'node:assert/strict'
import { type Hex, hexToBytes } from 'viem'
import type { Network } from '../../test/contracts/network.ts'

/** Where the gas of one transaction went, by what it was spent on. The parts add up to what the receipt says. */
export type GasAccount = Readonly<Record<string, number>>

interface Step {
  readonly op: string
  readonly gas: number
  readonly gasCost: number
  readonly depth: number
}

/** Every transaction pays this before its first step. */
const BASE = 21_000
/** EIP-2028. */
const ZERO_BYTE = 4
const OTHER_BYTE = 16

/** Opcodes that have an account of their own. All other steps (arithmetic, memory, jumps, hashing) are `rest`. */
const PART_OF: Readonly<Record<string, string>> = {
  SLOAD: 'sload',
  SSTORE: 'sstore',
  EXTCODECOPY: 'extcodecopy',
  STATICCALL: 'ecrecover',
  LOG1: 'log',
  LOG2: 'log',
  LOG3: 'log',
  LOG4: 'log',
}

/**
 * Traces a transaction that calls no contract but the precompile of ecrecover. A step costs the difference to the gas of
 * the next one, whatever the tracer thinks of calls. Throws where the parts don't add up.
 */
export async function gasAccount(network: Network, hash: Hex): Promise<GasAccount> {
  const { input } = await network.public.getTransaction({ hash })
  const { gasUsed } = await network.public.getTransactionReceipt({ hash })
  const request = network.public.request as (call: { method: string; params: unknown }) => Promise<unknown>
  const trace = (await request({
    method: 'debug_traceTransaction',
    params: [hash, { disableMemory: true, disableStack: true, disableStorage: true }],
  })) as { structLogs: readonly Step[] }

  const bytes = hexToBytes(input)
  const zeros = bytes.filter((byte) => byte === 0).length
  const parts: Record<string, number> = {
    base: BASE,
    calldata: ZERO_BYTE * zeros + OTHER_BYTE * (bytes.length - zeros),
  }
  trace.structLogs.forEach(({ op, gas, gasCost, depth }, at) => {
    assert.equal(depth, 1, `${op} runs in a contract that was called: the account would count it twice`)
    const next = trace.structLogs[at + 1]
    const part = PART_OF[op] ?? 'rest'
    parts[part] = (parts[part] ?? 0) + (next === undefined ? gasCost : gas - next.gas)
  })
  const sum = Object.values(parts).reduce((total, part) => total + part, 0)
  assert.equal(sum, Number(gasUsed), 'the parts of the gas do not add up to what was paid')
  return parts
}
