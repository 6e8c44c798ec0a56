import { type Hex, keccak256, toHex } from 'viem'
import { describe, expect, it } from 'vitest'
import type { ConfigFields, ContractRef } from '../../node/ports/quorum.ts'
import { membershipOf, readQuorumConfig } from '../../node/quorum/config.ts'
import { configDigest, placeReport, reportContext, reportDigest } from '../../node/quorum/digest.ts'
import { ownIdentity } from '../../node/quorum/duty-runner.ts'
import { QuorumConfigError } from '../../node/quorum/errors.ts'
import {
  decodeOffchainConfig,
  encodeOffchainConfig,
  type OffchainConfig,
  type TimingParameters,
} from '../../node/quorum/offchain-config.ts'
import { keyedPermutation, leaderOf, transmissionStage } from '../../node/quorum/permutation.ts'
import { MemoryChain, makeIdentity } from './memory/ports.ts'

const TIMING: TimingParameters = {
  deltaProgress: 2000,
  deltaResend: 500,
  deltaInitial: 1000,
  deltaRound: 200,
  deltaGrace: 50,
  deltaStage: 1000,
  rMax: 10,
}
const CONTRACT: ContractRef = { chainId: 31337, address: '0x5FbDB2315678afecb367f032d93F642f64180aa3' }
const key = (i: number): Hex => keccak256(toHex(i))
const config = (changes: Partial<OffchainConfig> = {}): OffchainConfig => ({
  timing: TIMING,
  oracles: [0, 1, 2, 3].map((i) => ({ peerKey: key(i), consensusKey: key(100 + i) })),
  pluginConfig: '0x1234',
  secret: { ephemeralKey: key(200), secretHash: key(201), masked: [202, 203, 204, 205].map(key) },
  ...changes,
})
const codeOf = async (act: () => unknown): Promise<string | null> => {
  try {
    await act()
    return null
  } catch (error) {
    expect(error).toBeInstanceOf(QuorumConfigError)
    return (error as QuorumConfigError).code
  }
}

describe('the off-chain configuration', () => {
  it('comes back as it was', () => {
    expect(decodeOffchainConfig(2n, encodeOffchainConfig(config()))).toEqual(config())
  })

  it.each([
    ['deltaProgress', 0],
    ['rMax', 0],
    ['deltaRound', 2000],
    ['deltaGrace', 2500],
    ['deltaInitial', 2000],
    ['deltaResend', 2000],
    ['deltaResend', 0.5],
    ['deltaStage', -1],
    ['deltaInitial', 2 ** 31],
  ])('refuses %s = %d', async (name, value) => {
    const timing = { ...TIMING, [name]: value }
    expect(await codeOf(() => encodeOffchainConfig(config({ timing })))).toBe('QUORUM_CONFIG_TIMING')
  })

  it('refuses doubled keys, no oracles, other versions, other bytes', async () => {
    for (const name of ['peerKey', 'consensusKey'] as const) {
      // Nothing else is wrong: neither the other key nor the number of secrets.
      const doubled = config().oracles.map((oracle, i) =>
        i === 3 ? { ...oracle, [name]: key(name === 'peerKey' ? 0 : 100) } : oracle,
      )
      expect(await codeOf(() => encodeOffchainConfig(config({ oracles: doubled })))).toBe(
        'QUORUM_CONFIG_ORACLES',
      )
    }
    expect(await codeOf(() => encodeOffchainConfig(config({ oracles: [] })))).toBe('QUORUM_CONFIG_ORACLES')
    const bytes = encodeOffchainConfig(config())
    expect(await codeOf(() => decodeOffchainConfig(1n, bytes))).toBe('QUORUM_CONFIG_VERSION')
    expect(await codeOf(() => decodeOffchainConfig(2n, `${bytes}00`))).toBe('QUORUM_CONFIG_MALFORMED')
    expect(await codeOf(() => decodeOffchainConfig(2n, '0x1234'))).toBe('QUORUM_CONFIG_MALFORMED')
  })
})

describe('the configuration digest', () => {
  const fields: ConfigFields = {
    contract: CONTRACT,
    configCount: 1n,
    signers: ['0x0000000000000000000000000000000000000001'],
    transmitters: ['0x0000000000000000000000000000000000000002'],
    f: 0,
    onchainConfig: '0x',
    offchainConfigVersion: 1n,
    offchainConfig: '0xabcd',
  }

  it('has the version prefix and depends on every field', () => {
    const digest = configDigest(fields)
    expect(digest).toMatch(/^0x0001[0-9a-f]{60}$/)
    const others = [
      { ...fields, contract: { ...CONTRACT, chainId: 1 } },
      {
        ...fields,
        contract: { ...CONTRACT, address: '0x0000000000000000000000000000000000000009' } as const,
      },
      { ...fields, configCount: 2n },
      { ...fields, signers: fields.transmitters },
      { ...fields, transmitters: fields.signers },
      { ...fields, f: 1 },
      { ...fields, onchainConfig: '0x00' as const },
      { ...fields, offchainConfigVersion: 2n },
      { ...fields, offchainConfig: '0xabce' as const },
    ].map(configDigest)
    expect(new Set([digest, ...others]).size).toBe(others.length + 1)
  })

  it('places the sequence number where the epoch goes', () => {
    const context = reportContext(key(1), 0x1_0000_0007n, 0, key(2))
    expect(context[1]).toBe(`0x${'00'.repeat(27)}0000000700`)
    expect(reportContext(key(1), 7n, 3, key(2))[1]).toBe(`0x${'00'.repeat(27)}0000000703`)
    const digest = reportDigest(Uint8Array.of(1), context)
    expect(digest).toBe(
      keccak256(`0x${[keccak256('0x01'), ...context].map((word) => word.slice(2)).join('')}`),
    )
  })
})

describe('the place of a report', () => {
  it('binds it to configuration, sequence number, index and its own extra hash', () => {
    const report = { contract: CONTRACT, payload: Uint8Array.of(1), extraHash: key(2) }
    const placed = placeReport(key(1), 7n, 3, report)
    expect(placed).toMatchObject({ report, reportHash: keccak256('0x01') })
    expect(placed.context).toEqual(reportContext(key(1), 7n, 3, key(2)))
    expect(placed.context[2]).toBe(key(2))
    expect(placed.digest).toBe(reportDigest(report.payload, placed.context))
    const others = [
      placeReport(key(9), 7n, 3, report),
      placeReport(key(1), 8n, 3, report),
      placeReport(key(1), 7n, 2, report),
      placeReport(key(1), 7n, 3, { ...report, extraHash: key(9) }),
      placeReport(key(1), 7n, 3, { ...report, payload: Uint8Array.of(2) }),
    ]
    expect(new Set([placed, ...others].map(({ digest }) => digest)).size).toBe(6)
  })
})

describe('reading from the chain', () => {
  const identities = [0, 1, 2, 3].map(makeIdentity)
  const set = (chain: MemoryChain, options: { f?: number; tamper?: { f: number } } = {}) =>
    chain.setConfig(CONTRACT, {
      identities,
      f: 1,
      timing: TIMING,
      onchainConfig: '0x01',
      pluginConfig: '0x02',
      ...options,
    })

  it('gives what was set, once it is deep enough', async () => {
    const chain = new MemoryChain()
    expect(await codeOf(() => readQuorumConfig(chain, CONTRACT))).toBe('QUORUM_CONFIG_NOT_SET')
    const digest = set(chain)
    expect(await codeOf(() => readQuorumConfig(chain, CONTRACT))).toBe('QUORUM_CONFIG_NOT_SET')
    chain.head_ += 2n
    const read = await readQuorumConfig(chain, CONTRACT)
    expect(read).toMatchObject({ configDigest: digest, f: 1, timing: TIMING })
    expect(read.onchainConfig).toEqual(Uint8Array.of(1))
    expect(read.pluginConfig).toEqual(Uint8Array.of(2))
    expect(read.oracles.map(({ signer }) => signer)).toEqual(
      identities.map(({ signers }) => signers.report.address),
    )
  })

  it('believes no event that does not hash to its digest', async () => {
    const chain = new MemoryChain()
    set(chain, { tamper: { f: 0 } })
    chain.head_ += 2n
    expect(await codeOf(() => readQuorumConfig(chain, CONTRACT))).toBe('QUORUM_CONFIG_DIGEST_MISMATCH')
  })

  it('waits when the event is not where the contract says', async () => {
    const chain = new MemoryChain()
    set(chain)
    chain.head_ += 2n
    chain.logs = async () => []
    expect(await codeOf(() => readQuorumConfig(chain, CONTRACT))).toBe('QUORUM_CONFIG_EVENT_MISSING')
  })

  it('refuses a quorum that tolerates less than it claims', async () => {
    const chain = new MemoryChain()
    set(chain, { f: 2 })
    chain.head_ += 2n
    expect(await codeOf(() => readQuorumConfig(chain, CONTRACT))).toBe('QUORUM_CONFIG_ORACLES')
  })

  it('finds this node by all four keys only', async () => {
    const chain = new MemoryChain()
    set(chain)
    chain.head_ += 2n
    const { oracles } = await readQuorumConfig(chain, CONTRACT)
    const own = (i: number) => {
      const identity = identities[i] ?? makeIdentity()
      const { signers, transmitter, peerKey } = identity
      return ownIdentity({
        signer: signers.report.address,
        transmitter,
        peerKey,
        consensusKey: signers.consensus.publicKey,
      })
    }
    expect(membershipOf(oracles, own(2))).toEqual({ role: 'member', self: 2 })
    expect(membershipOf(oracles, own(9))).toEqual({ role: 'observer' })
    const stranger = own(9)
    const names = {
      signer: 'on-chain signer',
      transmitter: 'transmitter account',
      peerKey: 'peer key',
      consensusKey: 'consensus key',
    }
    for (const [name, words] of Object.entries(names) as [keyof typeof names, string][]) {
      const mixed = membershipOf(oracles, { ...own(2), [name]: stranger[name] })
      expect(mixed.role).toBe('refused')
      expect(mixed.role === 'refused' && mixed.reason).toContain(`another ${words}`)
    }
  })
})

describe('keyed permutations', () => {
  it('are permutations, and differ by key and label', () => {
    const label = Uint8Array.of(1)
    const sorted = keyedPermutation(new Uint8Array(32), label, 31).sort((a, b) => a - b)
    expect(sorted).toEqual(Array.from({ length: 31 }, (_, i) => i))
    const other = new Uint8Array(32).fill(1)
    expect(keyedPermutation(other, label, 31)).not.toEqual(keyedPermutation(new Uint8Array(32), label, 31))
    expect(keyedPermutation(other, Uint8Array.of(2), 31)).not.toEqual(keyedPermutation(other, label, 31))
  })

  it('let everyone lead once in n epochs', () => {
    for (let cycle = 0; cycle < 20; cycle++) {
      const leaders = Array.from({ length: 7 }, (_, i) => leaderOf(new Uint8Array(32), cycle * 7 + i, 7))
      expect(new Set(leaders).size).toBe(7)
    }
  })

  it('give every validator its own stage, and share the first among all', () => {
    const first = new Map<number, number>()
    for (let seqNr = 1n; seqNr <= 400n; seqNr++) {
      const stages = [0, 1, 2, 3].map((self) =>
        transmissionStage(new Uint8Array(32), { seqNr, index: 0 }, 4, self),
      )
      expect([...stages].sort()).toEqual([0, 1, 2, 3])
      const oracle = stages.indexOf(0)
      first.set(oracle, (first.get(oracle) ?? 0) + 1)
    }
    for (const oracle of [0, 1, 2, 3]) expect(first.get(oracle)).toBeGreaterThan(60)
  })
})
