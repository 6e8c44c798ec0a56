import { describe, expect, it } from 'vitest'
import type { Offence, SignedStatement } from '../../node/ports/quorum.ts'
import { type Heard, Witness } from '../../node/quorum/machine/witness.ts'

const CULPRIT = 2
const MESSENGER = 1
const good = (content: number) => Uint8Array.of(CULPRIT, content)
const FORGED = Uint8Array.of(99, 99)

/** A court whose signatures are the oracle and the content. */
function court() {
  const offences: Omit<Offence, 'forged'>[] = []
  const blamed: [string, number][] = []
  const shown: [number, SignedStatement][] = []
  const witness = new Witness({
    options: { n: 4, self: 0 },
    verification: {
      consensus: (oracle, message, signature) => signature[0] === oracle && signature[1] === message[0],
      recover: () => null,
    },
    fault: (code, oracle) => blamed.push([code, oracle]),
    offence: (offence) => offences.push(offence),
    badSignature: (oracle, _statement, _at, signed) => shown.push([oracle, signed]),
  })
  const say = (content: number, said: Partial<Heard> = {}) => {
    const bytes = Uint8Array.of(content)
    witness.note({
      oracle: CULPRIT,
      statement: 'commit',
      epoch: 1,
      seqNr: 7n,
      content: bytes,
      bytes: () => bytes,
      signature: good(content),
      verified: false,
      from: CULPRIT,
      ...said,
    })
  }
  return { say, offences, blamed, shown }
}

describe('the witness', () => {
  it('shows two statements of one validator for one slot, whoever brought them', () => {
    const { say, offences, blamed } = court()
    say(1, { from: MESSENGER })
    say(1)
    expect(offences).toEqual([])
    say(2, { from: 3 })
    expect(blamed).toEqual([['equivocation', CULPRIT]])
    expect(offences).toEqual([
      {
        offence: 'equivocation',
        statement: 'commit',
        oracle: CULPRIT,
        epoch: 1,
        seqNr: 7n,
        statements: [
          { bytes: Uint8Array.of(1), signature: good(1) },
          { bytes: Uint8Array.of(2), signature: good(2) },
        ],
      },
    ])
  })

  it('takes other slots, kinds and validators for what they are', () => {
    const { say, offences, blamed } = court()
    say(1)
    say(2, { epoch: 2 })
    say(3, { seqNr: 8n })
    say(4, { statement: 'prepare' })
    say(5, { oracle: 3, signature: Uint8Array.of(3, 5) })
    expect(offences).toEqual([])
    expect(blamed).toEqual([])
  })

  it('never holds a forgery against whom it names: second or first, the messenger is to blame', () => {
    const second = court()
    second.say(1)
    second.say(2, { from: MESSENGER, signature: FORGED })
    expect(second.blamed).toEqual([['bad-signature', MESSENGER]])
    const first = court()
    first.say(1, { from: MESSENGER, signature: FORGED })
    first.say(2)
    expect(first.blamed).toEqual([['bad-signature', MESSENGER]])
    // What was true is remembered in the place of the forgery.
    first.say(3)
    expect(first.offences).toHaveLength(1)
    expect([...second.offences, ...second.shown, ...first.shown]).toEqual([])
  })

  it('shows a forgery that a validator sends under its own name', () => {
    const { say, offences, blamed, shown } = court()
    say(1)
    say(2, { signature: FORGED })
    expect(offences).toEqual([])
    expect(blamed).toEqual([])
    expect(shown).toEqual([[CULPRIT, { bytes: Uint8Array.of(2), signature: FORGED }]])
  })

  it('does not check again what was checked, and does not check without end', () => {
    const { say, offences } = court()
    // Checked elsewhere: the bytes would not verify here.
    say(1, { signature: FORGED, verified: true })
    say(2)
    expect(offences).toHaveLength(1)
    for (let content = 3; content < 20; content++) say(content)
    expect(offences.length).toBeLessThanOrEqual(2)
  })
})
