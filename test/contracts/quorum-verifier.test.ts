import { concatHex, encodeFunctionData, type Hex, numberToHex, pad, parseEventLogs } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { oracleFeedAbi } from '../../contracts/abi/OracleFeed.ts'
import {
  contextOf,
  deployFeed,
  deployFeedContract,
  type Feed,
  newOracleSet,
  reportOf,
  setConfig,
  signedBy,
  transmission,
  transmit,
  tryTransmit,
} from './feed-fixture.ts'
import { type Network, openNetwork, refusal, sender } from './network.ts'
import {
  configDigest,
  epochAndRound,
  malleate,
  newOracleKeys,
  packRecoveryBytes,
  type RawSignature,
  type ReportContext,
  reportHash,
  signHash,
  type TransmitArgs,
  transmitArgs,
  ZERO_WORD,
} from './quorum-report.ts'

let network: Network
let feed: Feed

beforeAll(async () => {
  network = await openNetwork()
  feed = await deployFeed(network, 4)
  const context = contextOf(feed, 5, 3)
  await transmit(feed, await transmission(feed, context, await reportOf(feed)))
})

afterAll(() => network.close())

/** Signs a good next report with these oracles and lets the caller spoil the arguments. */
async function spoiled(
  indices: readonly number[],
  spoil: (args: TransmitArgs, signatures: readonly RawSignature[]) => TransmitArgs = (args) => args,
): Promise<{ name: string; args: readonly unknown[] }> {
  const context = contextOf(feed, 6)
  const report = await reportOf(feed)
  const signatures = await signedBy(feed, indices, context, report)
  return refusal(tryTransmit(feed, spoil(transmitArgs(context, report, signatures), signatures)))
}

describe('a report that a quorum signed', () => {
  it('is accepted from any f + 1 oracles in ascending order', async () => {
    const context = contextOf(feed, 6)
    const report = await reportOf(feed)
    for (const indices of [
      [0, 1],
      [0, 3],
      [1, 2],
      [2, 3],
    ]) {
      await tryTransmit(feed, transmitArgs(context, report, await signedBy(feed, indices, context, report)))
    }
  })

  it('moves epoch and round on', async () => {
    const other = await deployFeed(network, 7)
    const read = { address: other.address, abi: oracleFeedAbi } as const
    expect(await network.public.readContract({ ...read, functionName: 'latestEpochAndRound' })).toEqual([
      0, 0,
    ])
    for (const [epoch, round] of [
      [1, 1],
      [1, 2],
      [2, 0],
      [0xffffffff, 255],
    ] as const) {
      await transmit(other, await transmission(other, contextOf(other, epoch, round), await reportOf(other)))
      expect(await network.public.readContract({ ...read, functionName: 'latestEpochAndRound' })).toEqual([
        epoch,
        round,
      ])
      const [scanLogs, digest, latest] = await network.public.readContract({
        ...read,
        functionName: 'latestConfigDigestAndEpoch',
      })
      expect({ scanLogs, digest, latest }).toEqual({ scanLogs: false, digest: other.digest, latest: epoch })
    }
  })

  it('signs the extra hash without the contract reading it', async () => {
    const extra = pad('0xabcd', { size: 32 })
    const context: ReportContext = [feed.digest, epochAndRound(6, 1), extra]
    const report = await reportOf(feed)
    const args = await transmission(feed, context, report)
    await tryTransmit(feed, args)
    const changed: TransmitArgs = [[context[0], context[1], ZERO_WORD], args[1], args[2], args[3], args[4]]
    expect((await refusal(tryTransmit(feed, changed))).name).toBe('QuorumVerifier__UnknownSigner')
  })

  it('is accepted from 31 oracles', async () => {
    const large = await deployFeed(network, 31)
    await transmit(large, await transmission(large, contextOf(large, 1), await reportOf(large)))
    expect(
      await network.public.readContract({
        address: large.address,
        abi: oracleFeedAbi,
        functionName: 'requiredSignatures',
      }),
    ).toBe(11n)
  })
})

describe('refused signatures', () => {
  it('too few', async () => {
    expect(await spoiled([1])).toEqual({ name: 'QuorumVerifier__TooFewSignatures', args: [1n, 2n] })
    expect(await spoiled([])).toEqual({ name: 'QuorumVerifier__TooFewSignatures', args: [0n, 2n] })
  })

  it('too many', async () => {
    expect(await spoiled([0, 1, 2])).toEqual({ name: 'QuorumVerifier__TooManySignatures', args: [3n, 2n] })
  })

  it('more r than s, and fewer', async () => {
    const fewer = await spoiled([0, 1], ([c, report, rs, ss, vs]) => [c, report, rs, ss.slice(1), vs])
    expect(fewer).toEqual({ name: 'QuorumVerifier__SignatureCountMismatch', args: [2n, 1n] })
    const more = await spoiled([0, 1], ([c, report, rs, ss, vs]) => [c, report, rs, [...ss, ...ss], vs])
    expect(more).toEqual({ name: 'QuorumVerifier__SignatureCountMismatch', args: [2n, 4n] })
  })

  it('one signer twice', async () => {
    expect(await spoiled([2, 2])).toEqual({
      name: 'QuorumVerifier__DuplicateSigner',
      args: [1n, feed.set.signers[2]],
    })
  })

  it('signers out of order', async () => {
    expect(await spoiled([3, 1])).toEqual({
      name: 'QuorumVerifier__UnsortedSigners',
      args: [1n, feed.set.signers[1]],
    })
  })

  it('a signer who is no oracle', async () => {
    const [stranger] = newOracleKeys(1)
    const context = contextOf(feed, 6)
    const report = await reportOf(feed)
    const [good] = await signedBy(feed, [0], context, report)
    if (!stranger || !good) throw new TypeError('no key')
    const foreign = await signHash(stranger.privateKey, reportHash(context, report))
    for (const [index, signatures] of [
      [1n, [good, foreign]],
      [0n, [foreign, good]],
    ] as const) {
      expect(await refusal(tryTransmit(feed, transmitArgs(context, report, signatures)))).toEqual({
        name: 'QuorumVerifier__UnknownSigner',
        args: [index, stranger.address],
      })
    }
  })

  it('an s in the upper half of the order', async () => {
    for (const index of [0, 1]) {
      const found = await spoiled([0, 1], ([c, report], signatures) =>
        transmitArgs(
          c,
          report,
          signatures.map((signature, i) => (i === index ? malleate(signature) : signature)),
        ),
      )
      expect(found).toEqual({ name: 'QuorumVerifier__MalleableSignature', args: [BigInt(index)] })
    }
  })

  it('an s above half the order from the first value on', async () => {
    const half = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n
    const withS = (s: bigint) =>
      spoiled([0, 1], ([c, report, rs, ss, vs]) => [c, report, rs, [numberToHex(s), ...ss.slice(1)], vs])
    expect((await withS(half + 1n)).name).toBe('QuorumVerifier__MalleableSignature')
    expect(['QuorumVerifier__UnknownSigner', 'QuorumVerifier__InvalidSignature']).toContain(
      (await withS(half)).name,
    )
  })

  it('a recovery byte other than 0 and 1', async () => {
    for (const byte of [2, 27, 28, 255]) {
      const found = await spoiled([0, 1], ([c, report, rs, ss], [first]) => [
        c,
        report,
        rs,
        ss,
        packRecoveryBytes([first?.v ?? 0, byte]),
      ])
      expect(found).toEqual({ name: 'QuorumVerifier__InvalidRecoveryByte', args: [1n, byte] })
    }
  })

  it('recovery bytes beyond the signatures', async () => {
    const found = await spoiled([0, 1], ([c, report, rs, ss], signatures) => [
      c,
      report,
      rs,
      ss,
      packRecoveryBytes([...signatures.map(({ v }) => v), 1]),
    ])
    expect(found.name).toBe('QuorumVerifier__UnusedRecoveryBytes')
  })

  it('the flipped recovery bit', async () => {
    const found = await spoiled([0, 1], ([c, report], [first, second]) =>
      transmitArgs(c, report, first && second ? [first, { ...second, v: 1 - second.v }] : []),
    )
    expect(['QuorumVerifier__UnknownSigner', 'QuorumVerifier__InvalidSignature']).toContain(found.name)
  })

  it('numbers that are no signature', async () => {
    const found = await spoiled([0, 1], ([c, report, rs, ss, vs]) => [
      c,
      report,
      [ZERO_WORD, ...rs.slice(1)],
      ss,
      vs,
    ])
    expect(found).toEqual({ name: 'QuorumVerifier__InvalidSignature', args: [0n] })
  })

  it('another report under the same signatures', async () => {
    const other = await reportOf(feed, { answer: 43n })
    const found = await spoiled([0, 1], ([c, , rs, ss, vs]) => [c, other, rs, ss, vs])
    expect(found.name).toBe('QuorumVerifier__UnknownSigner')
  })
})

describe('refused contexts', () => {
  const foreignDigests = (): Record<string, Hex> => ({
    'another chain': configDigest({ chainId: 1, contract: feed.address, configCount: 1n }, feed.set),
    'another contract': configDigest(
      { chainId: network.chainId, contract: sender(network, 9), configCount: 1n },
      feed.set,
    ),
    'another configuration': configDigest(
      { chainId: network.chainId, contract: feed.address, configCount: 2n },
      feed.set,
    ),
  })

  it.each(['another chain', 'another contract', 'another configuration'])(
    'the digest of %s',
    async (which) => {
      const digest = foreignDigests()[which] ?? '0x'
      const context: ReportContext = [digest, epochAndRound(6, 1), ZERO_WORD]
      expect(
        await refusal(tryTransmit(feed, await transmission(feed, context, await reportOf(feed)))),
      ).toEqual({
        name: 'QuorumVerifier__WrongConfigDigest',
        args: [digest, feed.digest],
      })
    },
  )

  it.each(['another chain', 'another contract', 'another configuration'])(
    'a signature made for %s, presented under the right digest',
    async (which) => {
      const report = await reportOf(feed)
      const foreign: ReportContext = [foreignDigests()[which] ?? '0x', epochAndRound(6, 1), ZERO_WORD]
      const signatures = await signedBy(feed, [0, 1], foreign, report)
      const found = await refusal(tryTransmit(feed, transmitArgs(contextOf(feed, 6), report, signatures)))
      expect(found.name).toBe('QuorumVerifier__UnknownSigner')
    },
  )

  it('a digest of zero', async () => {
    const context: ReportContext = [ZERO_WORD, epochAndRound(6, 1), ZERO_WORD]
    const found = await refusal(tryTransmit(feed, await transmission(feed, context, await reportOf(feed))))
    expect(found.name).toBe('QuorumVerifier__WrongConfigDigest')
  })

  it('an older epoch and an older round', async () => {
    for (const [epoch, round] of [
      [4, 255],
      [5, 2],
      [0, 0],
    ] as const) {
      const found = await refusal(
        tryTransmit(feed, await transmission(feed, contextOf(feed, epoch, round), await reportOf(feed))),
      )
      expect(found).toEqual({
        name: 'QuorumVerifier__StaleRound',
        args: [epoch * 256 + round, 5 * 256 + 3],
      })
    }
  })

  it('the same round again, be it the same report or another', async () => {
    for (const answer of [42n, 43n]) {
      const report = await reportOf(feed, { answer })
      const found = await refusal(tryTransmit(feed, await transmission(feed, contextOf(feed, 5, 3), report)))
      expect(found).toEqual({ name: 'QuorumVerifier__RepeatedRound', args: [5 * 256 + 3] })
    }
  })

  it('something above epoch and round', async () => {
    const word = concatHex([pad('0x01', { size: 27 }), '0x0000000601'])
    const found = await refusal(
      tryTransmit(feed, await transmission(feed, [feed.digest, word, ZERO_WORD], await reportOf(feed))),
    )
    expect(found).toEqual({ name: 'QuorumVerifier__MalformedEpochAndRound', args: [word] })
  })
})

describe('refused senders and calldata', () => {
  it('a sender who is no transmitter, be it the owner or a signer', async () => {
    const args = await transmission(feed, contextOf(feed, 6), await reportOf(feed))
    for (const account of [sender(network, 0), sender(network, 5), ...feed.set.signers.slice(0, 1)]) {
      expect(await refusal(tryTransmit(feed, args, account))).toEqual({
        name: 'QuorumVerifier__InactiveTransmitter',
        args: [account],
      })
    }
  })

  it('bytes after the arguments', async () => {
    const args = await transmission(feed, contextOf(feed, 6), await reportOf(feed))
    const data = encodeFunctionData({ abi: oracleFeedAbi, functionName: 'transmit', args })
    const length = BigInt(data.length / 2 - 1)
    for (const tail of ['0x00', ZERO_WORD] as const) {
      const call = network.public.simulateContract({
        address: feed.address,
        abi: oracleFeedAbi,
        functionName: 'transmit',
        args,
        dataSuffix: tail,
        account: feed.transmitter,
      })
      expect(await refusal(call)).toEqual({
        name: 'QuorumVerifier__WrongCalldataLength',
        args: [length + BigInt(tail.length / 2 - 1), length],
      })
    }
  })

  it('everything, before the first configuration', async () => {
    const address = await deployFeedContract(network)
    const args = await transmission(feed, contextOf(feed, 6), await reportOf(feed))
    const found = await refusal(tryTransmit({ ...feed, address }, args))
    expect(found.name).toBe('QuorumVerifier__NotConfigured')
  })
})

describe('a refused transmission', () => {
  it('changes nothing, and the good one after it is accepted', async () => {
    const other = await deployFeed(network, 4)
    const context = contextOf(other, 1)
    const report = await reportOf(other)
    const [a, b] = await signedBy(other, [0, 0], context, report)
    if (!a || !b) throw new TypeError('no signature')
    await refusal(tryTransmit(other, transmitArgs(context, report, [a, b])))
    const receipt = await transmit(other, await transmission(other, context, report))
    const events = parseEventLogs({ abi: oracleFeedAbi, logs: receipt.logs, eventName: 'ReportTransmitted' })
    expect(events.map(({ args }) => args.roundId)).toEqual([1])
  })
})

describe('a new configuration', () => {
  it('has its own digest, counts rounds anew and shuts out the old one', async () => {
    const first = await deployFeed(network, 4)
    await transmit(first, await transmission(first, contextOf(first, 9), await reportOf(first)))
    const next = newOracleSet(network, 7)
    await setConfig(network, first.address, next.set)
    const digest = configDigest(
      { chainId: network.chainId, contract: first.address, configCount: 2n },
      next.set,
    )
    const second: Feed = { ...first, ...next, digest }

    const old = await refusal(
      tryTransmit(first, await transmission(first, contextOf(first, 10), await reportOf(first))),
    )
    expect(old).toEqual({ name: 'QuorumVerifier__WrongConfigDigest', args: [first.digest, digest] })
    await transmit(second, await transmission(second, contextOf(second, 1), await reportOf(second)))

    const read = { address: first.address, abi: oracleFeedAbi } as const
    const [count, , latest] = await network.public.readContract({
      ...read,
      functionName: 'latestConfigDetails',
    })
    expect({ count, latest }).toEqual({ count: 2, latest: digest })
    expect(await network.public.readContract({ ...read, functionName: 'getSigners' })).toEqual(
      next.set.signers,
    )
    expect(await network.public.readContract({ ...read, functionName: 'transmitters' })).toEqual(
      next.set.transmitters,
    )
    expect(await network.public.readContract({ ...read, functionName: 'faultTolerance' })).toBe(2)
  })

  it('publishes all that the digest is made of', async () => {
    const [event, earlier] = await configEvents()
    expect(event?.args).toMatchObject({
      previousConfigBlockNumber: 0,
      configDigest: feed.digest,
      configCount: 1n,
      signers: feed.set.signers,
      transmitters: feed.set.transmitters,
      f: 1,
      onchainConfig: feed.set.onchainConfig,
      offchainConfigVersion: feed.set.offchainConfigVersion,
      offchainConfig: feed.set.offchainConfig,
    })
    expect(earlier).toBeUndefined()
  })
})

async function configEvents() {
  return network.public.getContractEvents({
    address: feed.address,
    abi: oracleFeedAbi,
    eventName: 'ConfigSet',
    fromBlock: 0n,
  })
}
