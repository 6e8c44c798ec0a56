import { bytesToHex, hexToBytes, keccak256 } from 'viem'
import type { Hex } from '../ports/chain.ts'
import type { ConfigFields, Offence, OffenceRecord, SignedStatement } from '../ports/quorum.ts'
import { ByteReader, ByteWriter, sameBytes } from './bytes.ts'
import { consensusVerifier, recoverSigner } from './consensus-key.ts'
import { configDigest } from './digest.ts'
import { decodeOffchainConfig } from './offchain-config.ts'
import { PREFIX_BYTES, parsePrefix, SIGNED_KIND, sha256 } from './signed-bytes.ts'

const OFFENCES = { equivocation: 1, 'forged-proposal': 2, 'bad-signature': 3 } as const
/** keccak256(payload), then the three context words. */
const REPORT_BYTES = 128
/** Of the prefix and what follows it (`signed-bytes.ts`). */
const STATEMENT_BYTES = {
  observation: 120,
  proposal: 120,
  prepare: 120,
  commit: 88,
  'epoch-start': 69,
} as const

/** The same for the same offence at every node: the order of the statements does not count. */
export function offenceId(digest: Hex, { offence, oracle, statements }: Offence): Hex {
  const writer = new ByteWriter().u8(OFFENCES[offence]).fixed(hexToBytes(digest), 32).u8(oracle)
  const hashes = statements.map(({ bytes, signature }) =>
    sha256(Buffer.concat([sha256(bytes), sha256(signature)])),
  )
  for (const hash of hashes.sort(Buffer.compare)) writer.fixed(hash, 32)
  return bytesToHex(sha256(writer.finish()))
}

/** What can be said of an offence from its own bytes. */
export type Verdict =
  /** `proof`: by itself, or only together with the word of the node that recorded it. */
  | { readonly valid: true; readonly proof: 'self' | 'witness' }
  | { readonly valid: false; readonly reason: string }

/**
 * Judges a record without asking anybody: the configuration in it must hash to the digest that the statements are signed
 * for, its keys must (or must not) have signed them, and they must contradict each other. What is left to check is that
 * this digest is a contract's: `ConfigSet` of the contract named in the configuration. Never throws.
 */
export function judgeOffence(record: OffenceRecord): Verdict {
  try {
    const problem = problemOf(record)
    if (problem !== null) return { valid: false, reason: problem }
    return { valid: true, proof: record.offence === 'bad-signature' ? 'witness' : 'self' }
  } catch (error) {
    return { valid: false, reason: error instanceof Error ? error.message : String(error) }
  }
}

function problemOf(record: OffenceRecord): string | null {
  const { offence, oracle, statements } = record
  const configuration = lowerAddresses(record.configuration)
  const digest = configDigest(configuration)
  // A report may be for a contract whose off-chain configuration is anything: its signers are what counts.
  const consensus = consensusVerifier(record.statement === 'report' ? [] : consensusKeys(configuration))
  const isOf = ({ bytes, signature }: SignedStatement) =>
    record.statement === 'report'
      ? recoverSigner(keccak256(bytes, 'bytes'), signature) === configuration.signers[oracle]?.toLowerCase()
      : consensus(oracle, bytes, signature)
  if (record.statement !== 'report' && record.configDigest.toLowerCase() !== digest)
    return 'the configuration is not that of this quorum'
  if (offence === 'forged-proposal' && record.statement !== 'proposal') return 'that is no proposal'
  if (configuration.signers[oracle] === undefined) return `the configuration has no oracle ${oracle}`
  if (record.id.toLowerCase() !== offenceId(record.configDigest, record))
    return 'the id is not that of this offence'
  if (statements.length !== (offence === 'equivocation' ? 2 : 1)) return 'the number of statements is wrong'
  const signatureBytes = record.statement === 'report' ? 65 : 64
  for (const { bytes, signature } of statements) {
    if (signature.length !== signatureBytes) return `a signature has ${signatureBytes} bytes`
    const misplaced = placeProblem(record, digest, bytes)
    if (misplaced !== null) return misplaced
  }
  if (offence === 'bad-signature')
    return statements.some(isOf) ? 'the signature is the validator’s own' : null
  if (!statements.every(isOf)) return 'a statement was not signed by that validator'
  if (offence === 'equivocation') return contradiction(record, statements)
  return forgeryProblem(record, consensus)
}

/** In whatever case somebody wrote them: EIP-55's checksum is for people. */
function lowerAddresses(fields: ConfigFields): ConfigFields {
  const lower = (address: Hex) => address.toLowerCase() as Hex
  return {
    ...fields,
    contract: { ...fields.contract, address: lower(fields.contract.address) },
    signers: fields.signers.map(lower),
    transmitters: fields.transmitters.map(lower),
  }
}

/** Every statement says what it is and where it belongs. */
function placeProblem(record: OffenceRecord, digest: Hex, bytes: Uint8Array): string | null {
  const { statement, epoch, seqNr } = record
  if (statement === 'report') {
    if (bytes.length !== REPORT_BYTES) return 'a report statement has 128 bytes'
    if (bytesToHex(bytes.subarray(32, 64)) !== digest) return 'the report is for another configuration'
    const epochAndRound = BigInt(bytesToHex(bytes.subarray(64, 96)))
    if (epoch !== 0) return 'a report belongs to no epoch'
    return epochAndRound >> 8n === seqNr ? null : 'the report has another sequence number'
  }
  const place = parsePrefix(bytes)
  if (place === null || place.kind !== statement) return `that is no ${statement}`
  if (bytes.length !== STATEMENT_BYTES[statement])
    return `a ${statement} has ${STATEMENT_BYTES[statement]} bytes`
  if (bytesToHex(place.digest) !== digest) return 'the statement is for another configuration'
  if (place.epoch !== epoch || place.seqNr !== seqNr)
    return 'the statement has another epoch or sequence number'
  return null
}

function contradiction(record: OffenceRecord, [a, b]: readonly SignedStatement[]): string | null {
  if (a === undefined || b === undefined) return 'two statements are missing'
  const place = (bytes: Uint8Array) =>
    record.statement === 'report' ? bytes.subarray(32, 96) : bytes.subarray(0, PREFIX_BYTES)
  if (!sameBytes(place(a.bytes), place(b.bytes))) return 'the statements are for different slots'
  // A proposal is its inputs; under which signatures they were shown does not make it another one.
  const end = record.statement === 'proposal' ? PREFIX_BYTES + 32 : a.bytes.length
  return sameBytes(a.bytes.subarray(0, end), b.bytes.subarray(0, end)) ? 'the statements do not differ' : null
}

/** The leader signed inputs and signatures by hash; one of the signatures is not its observer's. */
function forgeryProblem(
  record: OffenceRecord,
  consensus: ReturnType<typeof consensusVerifier>,
): string | null {
  const { forged, statements } = record
  const proposal = statements[0]?.bytes
  if (forged === null || proposal === undefined) return 'what was forged is missing'
  const hashes = [sha256(forged.inputs), sha256(forged.signatures)]
  if (!sameBytes(proposal.subarray(PREFIX_BYTES), Buffer.concat(hashes)))
    return 'the leader signed other inputs or signatures'
  if (!sameSlot(proposal, forged.inputs)) return 'the inputs are for another slot'
  const observation = observationIn(forged.inputs, forged.oracle)
  const signature = signatureIn(forged.signatures, forged.oracle)
  if (observation === null || signature === null) return 'the proposal has no observation of that oracle'
  return consensus(forged.oracle, observation, signature) ? 'the signature is the observer’s own' : null
}

/** What an observer would have signed, put together from the hashes in a proposal's inputs (`inputsBytes`). */
function observationIn(inputs: Uint8Array, wanted: number): Uint8Array | null {
  const place = parsePrefix(inputs)
  if (place === null || place.kind !== 'inputs') return null
  const reader = new ByteReader(inputs)
  const prefix = Uint8Array.from(reader.fixed(PREFIX_BYTES))
  const query = reader.fixed(32)
  reader.flag()
  reader.fixed(32)
  const count = reader.u8()
  // The prefix differs in its kind alone (`signed-bytes.ts`).
  prefix[KIND_AT] = SIGNED_KIND.observation
  let found: Uint8Array | null = null
  for (let i = 0; i < count; i++) {
    const oracle = reader.u8()
    const hash = reader.fixed(32)
    if (oracle === wanted) found = Buffer.concat([prefix, query, hash])
  }
  reader.end()
  return found
}

/** Digest, epoch and sequence number are the same; the kinds need not be. */
function sameSlot(a: Uint8Array, b: Uint8Array): boolean {
  return sameBytes(a.subarray(KIND_AT + 1, PREFIX_BYTES), b.subarray(KIND_AT + 1, PREFIX_BYTES))
}

const KIND_AT = 11

function signatureIn(list: Uint8Array, wanted: number): Uint8Array | null {
  const reader = new ByteReader(list)
  const count = reader.u8()
  let found: Uint8Array | null = null
  for (let i = 0; i < count; i++) {
    const oracle = reader.u8()
    const signature = reader.fixed(64)
    if (oracle === wanted) found = signature
  }
  reader.end()
  return found
}

function consensusKeys({ offchainConfigVersion, offchainConfig }: ConfigFields): Uint8Array[] {
  const { oracles } = decodeOffchainConfig(offchainConfigVersion, offchainConfig)
  return oracles.map(({ consensusKey }) => hexToBytes(consensusKey))
}
