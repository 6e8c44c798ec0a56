import { expect, it } from 'vitest'
import type { Offence } from '../../node/ports/quorum.ts'
import { type Heard, Witness } from '../../node/quorum/machine/witness.ts'
import { proposalSignedBytes, sha256 } from '../../node/quorum/signed-bytes.ts'
import { simulatedKeys } from './simulation/keys.ts'

const [SELF, LEADER, LIAR, HONEST] = [0, 1, 2, 3] as const
const keys = simulatedKeys(4)
const at = { digest: new Uint8Array(32), epoch: 2, seqNr: 5n }

/** `from` says that the leader proposed these inputs. */
function word(inputs: number, from: number, signer: number = LEADER): Heard {
  const content = sha256(Uint8Array.of(inputs))
  const bytes = proposalSignedBytes(at, content, new Uint8Array(32))
  const { epoch, seqNr } = at
  const signature = keys.sign(signer, bytes)
  return {
    ...{ oracle: LEADER, statement: 'proposal', epoch, seqNr, content, bytes: () => bytes, signature, from },
    verified: false,
  }
}

function witness() {
  const offences: Omit<Offence, 'forged'>[] = []
  const forgers: number[] = []
  const made = new Witness({
    options: { n: 4, self: SELF },
    verification: keys.verification,
    fault: (code, oracle) => code === 'bad-signature' && forgers.push(oracle),
    offence: (offence) => offences.push(offence),
    badSignature: (oracle) => forgers.push(oracle),
  })
  return { witness: made, offences, forgers }
}

it('forgeries that one peer brings do not use up the checks of what others bring', () => {
  const { witness: seeing, offences, forgers } = witness()
  for (const inputs of [10, 11, 12, 13]) seeing.note(word(inputs, LIAR, LIAR))
  seeing.note({ ...word(1, LEADER), verified: true })
  for (const inputs of [14, 15, 16, 17]) seeing.note(word(inputs, LIAR, LIAR))
  seeing.note(word(2, HONEST))
  expect(offences.map(({ oracle, statement }) => [oracle, statement])).toEqual([[LEADER, 'proposal']])
  // Each forgery that was looked at is its messenger's fault, and not many are.
  expect(new Set(forgers)).toEqual(new Set([LIAR]))
  expect(forgers.length).toBeLessThanOrEqual(3)
})

it('a leader that brings forgeries of its own words is still held to the one that was checked', () => {
  const { witness: seeing, offences } = witness()
  for (const inputs of [10, 11, 12, 13]) seeing.note(word(inputs, LEADER, LIAR))
  seeing.note({ ...word(1, LEADER), verified: true })
  seeing.note(word(2, HONEST))
  expect(offences.filter(({ offence }) => offence === 'equivocation')).toHaveLength(1)
})
