import { type Mutant, mutant } from './mutant.ts'

const BALLOTS = 'node/quorum/machine/ballots.ts'
const ROUNDS = 'node/quorum/machine/rounds.ts'
const PROPOSALS = 'node/quorum/machine/proposals.ts'
const LEADER = 'node/quorum/machine/leader.ts'
const MACHINE = 'node/quorum/machine/machine.ts'
const CERTIFICATE = 'node/quorum/certificate.ts'

/** Bugs in how an outcome is agreed on, and in what is remembered of it. */
export const AGREEMENT: readonly Mutant[] = [
  mutant(
    'quorum of f+1',
    'agreement',
    'f+1 votes make a certificate',
    CERTIFICATE,
    'return Math.floor((n + f) / 2) + 1',
    'return f + 1',
  ),
  mutant(
    'quorum of 2f+1',
    'agreement',
    '2f+1 votes make a certificate, which is too few where n > 3f+1',
    CERTIFICATE,
    'return Math.floor((n + f) / 2) + 1',
    'return 2 * f + 1',
  ),
  mutant(
    'an oracle may be listed twice',
    'agreement',
    'one validator counts as several in a certificate and among the observers',
    CERTIFICATE,
    'if (oracle <= previous) {',
    'if (oracle < previous) {',
  ),
  mutant(
    'oldest prepare wins',
    'agreement',
    'of two prepares of a sequence number the one of the earlier epoch ranks higher',
    CERTIFICATE,
    'return a.epoch - b.epoch',
    'return b.epoch - a.epoch',
  ),
  mutant(
    'certificate unverified',
    'agreement',
    'a certificate needs enough signatures; whether they are valid does not matter',
    CERTIFICATE,
    'return signatures.every(({ oracle, signature }) => options.verify(oracle, message, signature))',
    'return message.length > 0',
  ),
  mutant(
    'prepare unverified',
    'agreement',
    'the signature of a prepare is not checked',
    BALLOTS,
    `(oracle, vote) => verification.consensus(oracle, payload, vote.signature),
      (oracle, { signature }) =>
        this.#core.badSignature(oracle, 'prepare'`,
    `() => true,
      (oracle, { signature }) =>
        this.#core.badSignature(oracle, 'prepare'`,
  ),
  mutant(
    'commit unverified',
    'agreement',
    'the signature of a commit is not checked',
    BALLOTS,
    `(oracle, vote) => verification.consensus(oracle, payload, vote.signature),
      (oracle, { signature }) =>
        this.#core.badSignature(oracle, 'commit'`,
    `() => true,
      (oracle, { signature }) =>
        this.#core.badSignature(oracle, 'commit'`,
  ),
  mutant(
    'second proposal accepted',
    'agreement',
    'a follower that stands for an outcome lets the leader change its mind',
    PROPOSALS,
    'if (round.candidate !== null) return\n    if (round.query !== null && !sameBytes(round.query, message.query)) {',
    'if (round.query !== null && !sameBytes(round.query, message.query)) {',
  ),
  mutant(
    're-proposal forgotten',
    'agreement',
    'an epoch does not finish what an earlier one has prepared',
    ROUNDS,
    'this.#propose(highest)\n        return',
    'void this.#propose',
  ),
  mutant(
    'prepare forgotten at a restart',
    'agreement',
    'a validator begins from its last outcome, not from its prepare certificate',
    MACHINE,
    'this.#core.highest = compareRank(rankOf(certificate), rankOf(committed)) > 0 ? certificate : committed',
    'this.#core.highest = committed',
  ),
  mutant(
    'commit before the certificate',
    'durability',
    'the commit is signed while the prepare certificate is still being written',
    BALLOTS,
    `this.#core.save({ certificate: bytes }, () => {
      if (this.#current() === round) this.#commit(round, outcomeHash)
    })`,
    `this.#core.save({ certificate: bytes }, () => {})
    this.#commit(round, outcomeHash)`,
  ),
  mutant(
    'certificate not persisted',
    'durability',
    'the prepare certificate is never written',
    BALLOTS,
    'this.#core.save({ certificate: bytes }, () => {',
    'this.#core.save(bytes.length > 0 ? {} : {}, () => {',
  ),
  mutant(
    'outcome before its certificate',
    'durability',
    'an outcome is acted on while its commit certificate is still being written',
    MACHINE,
    'core.save({ committed: encodeCertificate(certificate, core.options.limits) }, () => {',
    'core.save({ committed: encodeCertificate(certificate, core.options.limits) }, () => {})\n    ;[0].forEach(() => {',
  ),
  mutant(
    'outcome adopted twice',
    'agreement',
    'an outcome that is known is adopted again',
    MACHINE,
    `if (seqNr <= core.committedSeqNr || seqNr <= this.#adopting) return
    this.#adopting = seqNr`,
    'this.#adopting = seqNr',
  ),
  mutant(
    'saved state believed',
    'durability',
    'what the database holds is not verified before it is gone on from',
    MACHINE,
    "if (!this.#core.verifyCertificate(certificate)) throw bad('a certificate does not verify')",
    "if (certificate.epoch < 0) throw bad('a certificate does not verify')",
  ),
  mutant(
    'too few observations',
    'validity',
    'a proposal with f+1 observations is accepted',
    PROPOSALS,
    "if (observations.length < 2 * f + 1) return refuse('fewer than 2f+1 observations')",
    "if (observations.length < f + 1) return refuse('fewer than 2f+1 observations')",
  ),
  mutant(
    'invented observations',
    'validity',
    'followers do not check whose observations a proposal shows',
    PROPOSALS,
    'if (!this.#core.verification.consensus(oracle, payload, signature)) return false',
    '',
  ),
  mutant(
    'invalid observations',
    'validity',
    'followers do not ask the duty whether the observations of a proposal are valid',
    PROPOSALS,
    'this.#core.duty.validate(seqNr, query, this.#core.previousOutcome, observation)',
    'void observation',
  ),
  mutant(
    'leader checks no observation',
    'fair blame',
    'a leader proposes observations without checking their signatures',
    LEADER,
    'if (from !== self) {\n      if (!this.#core.verification',
    'if (from !== self && from < 0) {\n      if (!this.#core.verification',
  ),
  mutant(
    'leader asks the duty nothing',
    'fair blame',
    'a leader proposes observations that its duty would have refused',
    LEADER,
    'this.#core.duty.validate(seqNr, led.query, this.#core.previousOutcome, observation)',
    'void seqNr',
  ),
  mutant(
    'any observation of a leader',
    'validity',
    'a leader may propose another observation of its own than it bound itself to',
    'node/quorum/machine/proposals.ts',
    'if (!this.#isSealed(leader, at, message, parts.seal))',
    'if (false as boolean)',
  ),
  mutant(
    'asks before it observes',
    'validity',
    'a leader asks the others before it is bound to its own observation',
    'node/quorum/machine/leader.ts',
    'led.sealing = this.#core.duty.sealed',
    'led.sealing = false',
  ),
]
