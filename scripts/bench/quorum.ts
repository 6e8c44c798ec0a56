import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { recoverSigner } from '../../node/quorum/consensus-key.ts'
import { QUORUM_LIMITS } from '../../node/quorum/limits.ts'
import { decodeMessage } from '../../node/quorum/messages.ts'
import { contractNumber, MemoryNetwork } from '../../test/quorum/memory/network.ts'
import { realClock } from '../../test/quorum/memory/ports.ts'
import { medianDuty } from '../../test/quorum/simulation/median.ts'
import type { Figure } from './figure.ts'

const N = 4
const F = 1
const QUORUM = 3
const WARM_UP = 50n
const ROUNDS = 400n
const TIMING = {
  deltaProgress: 20_000,
  deltaResend: 5_000,
  deltaInitial: 5_000,
  deltaRound: 1,
  deltaGrace: 200,
  deltaStage: 60_000,
  rMax: 1_000_000,
}

/**
 * Signature operations of one round of all four validators, nobody failing: the leader checks the others'
 * observations, each follower all but its own, and everybody Q-1 prepares, Q-1 commits and f report signatures.
 */
const PER_ROUND = {
  ed25519Sign: 3 * N,
  ed25519Verify: N - 1 + (N - 1) * (N - 1) + 2 * N * (QUORUM - 1),
  secp256k1Sign: N,
  secp256k1Recover: N * F,
}

/**
 * Rounds a second of a whole quorum in this process (engine, drivers, guarded signers, real ed25519 and secp256k1; the
 * network and the stores in memory), against nothing but its signature operations done in a loop in the same run.
 */
export async function quorumBenchmarks(): Promise<Figure[]> {
  const engine = await runQuorum()
  const crypto = runSignatures(Number(ROUNDS))
  const rounds = Number(ROUNDS)
  const roundsPerSecond = (rounds * 1000) / engine.wallMs
  const cryptoPerSecond = (rounds * 1000) / crypto.wallMs
  const cpuMs = engine.cpuMs / rounds
  const cryptoMs = crypto.cpuMs / rounds
  return [
    {
      name: 'quorum.n4.memory.rounds_per_s',
      value: roundsPerSecond,
      unit: 'rounds/s',
      baseline: 'bare signatures',
      baselineValue: cryptoPerSecond,
      ratio: roundsPerSecond / cryptoPerSecond,
    },
    {
      name: 'quorum.n4.memory.cpu_vs_crypto',
      value: cpuMs,
      unit: 'ms/round',
      baseline: 'bare signatures',
      baselineValue: cryptoMs,
      ratio: cpuMs / cryptoMs,
    },
  ]
}

interface Cost {
  readonly wallMs: number
  readonly cpuMs: number
}

async function runQuorum(): Promise<Cost> {
  const contract = contractNumber(0)
  const network = new MemoryNetwork({
    n: N,
    clock: realClock,
    later: setImmediate,
    duties: (node) => [
      medianDuty('bench/median', contract, {
        query: (seqNr) => seqNr,
        observe: (seqNr) => seqNr * 10n + BigInt(node),
        shouldTransmit: () => false,
      }),
    ],
  })
  network.configure(contract, F, TIMING)
  let signatures = 0
  network.hub.onSend = (_channel, from, to, bytes) => {
    // One copy of each broadcast, and every observation but the leader's own.
    const { kind } = decodeMessage(bytes, QUORUM_LIMITS)
    const counted = kind === 'prepare' || kind === 'commit'
    if (kind === 'observation' || (counted && to === (from + 1) % N)) signatures++
  }
  await network.start()
  await reached(network, WARM_UP)
  const signedBefore = signatures
  const cost = await measured(() => reached(network, WARM_UP + ROUNDS))
  const perRound = (signatures - signedBefore) / Number(ROUNDS)
  await network.stop()
  if (Math.abs(perRound - (PER_ROUND.ed25519Sign - 1)) > 0.2) {
    throw new RangeError(
      `a round took ${perRound} signed messages, not ${PER_ROUND.ed25519Sign - 1}: not a clean run`,
    )
  }
  return cost
}

async function reached(network: MemoryNetwork, seqNr: bigint): Promise<void> {
  const done = () => network.nodes.every(({ handles }) => (handles[0]?.status().seqNr ?? 0n) >= seqNr)
  const deadline = performance.now() + 120_000
  while (!done()) {
    if (performance.now() > deadline) throw new RangeError(`${seqNr} was not reached in two minutes`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

async function measured(act: () => Promise<void>): Promise<Cost> {
  const cpu = process.cpuUsage()
  const start = performance.now()
  await act()
  const { user, system } = process.cpuUsage(cpu)
  return { wallMs: performance.now() - start, cpuMs: (user + system) / 1000 }
}

/** The same operations, by the same implementations, with nothing between them. */
function runSignatures(rounds: number): Cost {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const message = Buffer.alloc(120, 7)
  const digest = new Uint8Array(32).fill(9)
  const reportKey = secp256k1.utils.randomSecretKey()
  const ed = sign(null, message, privateKey)
  const recovered = secp256k1.sign(digest, reportKey, { prehash: false, format: 'recovered' })
  const signature = Uint8Array.from([...recovered.subarray(1), recovered[0] ?? 0])
  const round = () => {
    for (let i = 0; i < PER_ROUND.ed25519Sign; i++) sign(null, message, privateKey)
    for (let i = 0; i < PER_ROUND.ed25519Verify; i++) verify(null, message, publicKey, ed)
    for (let i = 0; i < PER_ROUND.secp256k1Sign; i++) {
      secp256k1.sign(digest, reportKey, { prehash: false, format: 'recovered' })
    }
    for (let i = 0; i < PER_ROUND.secp256k1Recover; i++) recoverSigner(digest, signature)
  }
  for (let i = 0; i < Number(WARM_UP); i++) round()
  const cpu = process.cpuUsage()
  const start = performance.now()
  for (let i = 0; i < rounds; i++) round()
  const { user, system } = process.cpuUsage(cpu)
  return { wallMs: performance.now() - start, cpuMs: (user + system) / 1000 }
}
