import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { keccak256 } from 'viem'
import { nativeVerification } from '../../../node/quorum/consensus-key.ts'
import { sha256 } from '../../../node/quorum/signed-bytes.ts'

/** CPU milliseconds of one operation with nothing around it. */
export interface BareCosts {
  readonly ed25519Sign: number
  readonly ed25519Verify: number
  readonly secp256k1Sign: number
  /** The signer of a signature by anybody. */
  readonly secp256k1Recover: number
  /** Whether a signature is that of a signer who came before. */
  readonly secp256k1Check: number
  readonly sha256: number
  readonly keccak256: number
}

const PASSES = 5
const PASS_MS = 12

/** The operations of a round by the same implementations, each in a loop, in the thread that runs the validators. */
export function measureBare(): BareCosts {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const message = Buffer.alloc(120, 7)
  const signature = sign(null, message, privateKey)
  const digest = new Uint8Array(32).fill(9)
  const reportKey = secp256k1.utils.randomSecretKey()
  const recovered = secp256k1.sign(digest, reportKey, { prehash: false, format: 'recovered' })
  const reportSignature = Uint8Array.from([...recovered.subarray(1), recovered[0] ?? 0])
  const { recover } = nativeVerification()([])
  const signer = recover(digest, reportSignature) ?? undefined
  const operations: { readonly [K in keyof BareCosts]: () => unknown } = {
    ed25519Sign: () => sign(null, message, privateKey),
    ed25519Verify: () => verify(null, message, publicKey, signature),
    secp256k1Sign: () => secp256k1.sign(digest, reportKey, { prehash: false, format: 'recovered' }),
    secp256k1Recover: () => recover(digest, reportSignature),
    secp256k1Check: () => recover(digest, reportSignature, signer),
    sha256: () => sha256(message),
    keccak256: () => keccak256(message),
  }
  const cost = (name: keyof BareCosts) => cpuOf(operations[name])
  return {
    ed25519Sign: cost('ed25519Sign'),
    ed25519Verify: cost('ed25519Verify'),
    secp256k1Sign: cost('secp256k1Sign'),
    secp256k1Recover: cost('secp256k1Recover'),
    secp256k1Check: cost('secp256k1Check'),
    sha256: cost('sha256'),
    keccak256: cost('keccak256'),
  }
}

/** Median of some short passes of this thread's CPU time a call. */
function cpuOf(operation: () => unknown): number {
  for (let i = 0; i < 20; i++) operation()
  const passes = Array.from({ length: PASSES }, () => {
    const before = process.threadCpuUsage()
    const until = performance.now() + PASS_MS
    let calls = 0
    while (performance.now() < until) {
      operation()
      calls++
    }
    const { user, system } = process.threadCpuUsage(before)
    return (user + system) / 1000 / calls
  })
  return passes.sort((a, b) => a - b)[PASSES >> 1] ?? Number.NaN
}
