import { type Mutant, mutant } from './mutant.ts'

const PACEMAKER = 'node/quorum/machine/pacemaker.ts'
const EPOCH_START = 'node/quorum/machine/epoch-start.ts'
const ROUNDS = 'node/quorum/machine/rounds.ts'
const MACHINE = 'node/quorum/machine/machine.ts'
const CATCH_UP = 'node/quorum/machine/catch-up.ts'

/** Bugs in how leaders follow each other, and in how whoever fell behind comes back. */
export const EPOCHS: readonly Mutant[] = [
  mutant(
    'leader unchecked',
    'agreement',
    'anybody may begin rounds and propose',
    ROUNDS,
    `if (from !== this.#core.leader) {
      this.#core.fault('not-leader', from, { message: message.kind })
      return
    }
    switch`,
    'switch',
  ),
  mutant(
    'epoch unchecked',
    'agreement',
    'messages of another epoch are acted on as if they were of this one',
    MACHINE,
    "if (!('epoch' in message) || message.epoch !== this.#core.epoch || !this.#entered) return false",
    "if (!('epoch' in message) || !this.#entered) return false",
  ),
  mutant(
    'epoch start of f+1',
    'agreement',
    'followers accept an epoch start that f+1 words prove',
    EPOCH_START,
    'if (proofs.length < quorum ||',
    'if (proofs.length < options.f + 1 ||',
  ),
  mutant(
    'epoch start unsigned',
    'agreement',
    'followers do not check the words that prove an epoch start',
    EPOCH_START,
    "if (!verification.consensus(proof.oracle, payload, proof.signature)) return 'bad-signature'",
    'if (!verification.consensus(proof.oracle, payload, proof.signature)) continue',
  ),
  mutant(
    'lower certificate accepted',
    'agreement',
    'an epoch may begin from less than the highest of its words',
    EPOCH_START,
    "if (proofs.some((proof) => compareRank(proof.rank, rank) > 0)) return 'bad-certificate'",
    '',
  ),
  mutant(
    'certificate of an epoch start unverified',
    'agreement',
    'followers begin an epoch from whatever certificate the leader shows',
    EPOCH_START,
    "if (certificate !== null && !this.#core.verifyCertificate(certificate)) return 'bad-certificate'",
    '',
  ),
  mutant(
    'leader takes any certificate',
    'progress',
    'a leader begins its epoch from a certificate that nobody can verify',
    EPOCH_START,
    'if (highest.certificate !== null && !this.#core.verifyCertificate(highest.certificate)) {',
    'if (highest.certificate !== null && highest.certificate.epoch < 0) {',
  ),
  mutant(
    'epoch before it is durable',
    'durability',
    'a validator speaks in an epoch that its disk does not know of yet',
    PACEMAKER,
    `this.#core.save({ pacemaker: this.#bytes() }, () => {
      if (this.#core.epoch === next) this.#core.links.epochEntered()
    })`,
    `this.#core.save({ pacemaker: this.#bytes() }, () => {})
    this.#core.links.epochEntered()`,
  ),
  mutant(
    'one wish is followed',
    'progress',
    'a single validator can drive all the others through the epochs',
    PACEMAKER,
    'if (highest(f) > this.#wish) this.#raise(highest(f))\n    const next = highest(2 * f)',
    'if (highest(0) > this.#wish) this.#raise(highest(0))\n    const next = highest(2 * f)',
  ),
  mutant(
    'wishes not repeated',
    'progress',
    'a wish that got lost is never told again',
    MACHINE,
    'this.#pacemaker.resend()\n',
    '',
  ),
  mutant(
    'rounds not repeated',
    'progress',
    'what got lost of a round is never sent again',
    MACHINE,
    'this.#rounds.resend()\n',
    '',
  ),
  mutant(
    'rMax forgotten',
    'progress',
    'nobody wishes for another epoch when the rounds of one are used up',
    ROUNDS,
    'this.#open()\n    if (this.#roundsUsed() >= timing.rMax) this.#core.links.wishNext()',
    'this.#open()',
  ),
  mutant(
    'progress unnoticed',
    'progress',
    'a commit does not begin DeltaProgress anew',
    ROUNDS,
    "if (this.#core.epoch > 0) this.#core.setTimer('progress', timing.deltaProgress)",
    '',
  ),
  mutant(
    'idle leader believed',
    'progress',
    'a follower takes "nothing to do" for granted though its own duty sees work',
    ROUNDS,
    'if (this.#round === round && query === null && round.query === null) this.#acceptIdle()',
    'if (this.#round === round && round.query === null) this.#acceptIdle()',
  ),
  mutant(
    'leads again after a restart',
    'fair blame',
    'a restarted leader begins rounds in the epoch in which it may have begun others',
    'node/quorum/machine/leader.ts',
    'this.#resumedIn = this.#core.epoch',
    'this.#resumedIn = null',
  ),
  mutant(
    'leaders do not change',
    'progress',
    'the first validator of an order leads all epochs of its cycle',
    'node/quorum/permutation.ts',
    'return order[epoch % n] ?? 0',
    'return order[0] ?? 0',
  ),
  mutant(
    'catch-up unverified',
    'agreement',
    'whoever fell behind believes any outcome that it is given',
    CATCH_UP,
    "if (certificate.kind !== 'commit' || !this.#core.verifyCertificate(certificate)) {",
    "if (certificate.kind !== 'commit') {",
  ),
  mutant(
    'prepared counts as committed',
    'agreement',
    'whoever fell behind takes a prepare certificate for a commit certificate',
    CATCH_UP,
    "if (certificate.kind !== 'commit' || !this.#core.verifyCertificate(certificate)) {",
    'if (!this.#core.verifyCertificate(certificate)) {',
  ),
  mutant(
    'nobody is told',
    'progress',
    'who is seen to be behind is not given the outcome that it lacks',
    CATCH_UP,
    "this.#core.send(peer, this.#core.encode({ kind: 'outcome-response', certificate: committed }))",
    '',
  ),
  mutant(
    'messages kept without end',
    'bounds',
    'a peer can make a validator keep any number of messages for later',
    'node/quorum/machine/later.ts',
    'while (kept.length > LATER_LIMITS.messages || bytes > LATER_LIMITS.bytes) {',
    'while (kept.length < 0) {',
  ),
]
