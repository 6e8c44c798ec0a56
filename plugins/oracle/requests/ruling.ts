import type { AgreementRule } from '../../../node/ports/agreement-rule.ts'
import type { Attributed } from '../../../node/ports/quorum.ts'
import { agree } from '../agreement/agree.ts'
import { bestOf } from '../agreement/top-k.ts'
import { distance, isNear, middleOf, tolerancesAround } from '../agreement/vectors.ts'
import { choices, commonLength, parseRule } from './judging.ts'
import {
  type DisputeItem,
  type JudgedDispute,
  type JudgedResult,
  outcomes,
  type RequestResult,
  rulings,
} from './request-types.ts'

type Given = Attributed<RequestResult>

/**
 * Pure integer code: what a committee's majority says of a disputed answer. The majority is one of all who were drawn, so
 * that whoever picks a round's observations can put a ruling off, and not turn it.
 *
 * The answer stands where so many members' own results confirm it, or where what they agree on does. It is replaced by what
 * they agree on. Otherwise there is no ruling yet. With honest results within half of the tolerance of each other an answer
 * of honest validators is always upheld, and one that is farther than the tolerance and a half from them never.
 */
export function ruleOn(item: DisputeItem, observations: readonly Given[]): JudgedDispute {
  const { committee, outcome, values: answer } = item
  const rule = parseRule(item.rule)
  const members = observations
    .filter(({ oracle }) => committee.includes(oracle))
    .map((given) => asFault(given, choices(rule)))
  const majority = Math.floor(committee.length / 2) + 1
  const confirming = members.filter(({ value }) => confirms(rule, item, value))
  const told = (agreeing: readonly Given[]): JudgedResult[] =>
    members.map((member) => ({
      oracle: member.oracle,
      result: member.value,
      agrees: agreeing.includes(member),
      distance: distanceFrom(rule, answer, member.value),
    }))

  if (confirming.length >= majority) {
    const vectors = confirming.flatMap(({ value }) => (value.kind === 'values' ? [value.values] : []))
    return {
      dispute: item,
      ruling: rulings.upheld,
      reason: null,
      votes: confirming.length,
      distance: vectors.length === 0 || choices(rule) > 0 ? 0n : distance(middleOf(vectors), answer),
      values: [],
      results: told(confirming),
    }
  }
  const faulty = members.filter(({ value }) => isFault(value))
  if (faulty.length >= majority)
    return {
      ...{ dispute: item, ruling: rulings.overturned, reason: null, votes: faulty.length, distance: 0n },
      ...{ values: [], results: told(faulty) },
    }

  const deferred = (reason: JudgedDispute['reason']): JudgedDispute => ({
    ...{ dispute: item, ruling: rulings.deferred, reason, votes: 0, distance: 0n, values: [] },
    results: told([]),
  })
  // So many of those who are here need not stand with the rest for a majority of all who were drawn to do so.
  const others = members.length - majority
  const length = commonLength(members, 0)
  if (others < 0 || length === null) return deferred('too-few-observations')
  const agreement = agree(rule, { f: others, lengths: [length], minAgreeing: majority }, members)
  if (agreement.kind === 'none') return deferred(agreement.reason)
  const agreeing = members.filter(({ oracle }) => agreement.agreeing.includes(oracle))
  const stands = outcome === outcomes.answered && isSame(rule, answer, agreement.values)
  return {
    dispute: item,
    ruling: stands ? rulings.upheld : rulings.overturned,
    reason: null,
    votes: agreeing.length,
    distance: comparable(rule, answer, agreement.values) ? distance(agreement.values, answer) : 0n,
    values: stands ? [] : agreement.values,
    results: told(agreeing),
  }
}

/** Whether one member's own result says what the answer says. */
function confirms(
  rule: AgreementRule,
  { outcome, values: answer }: DisputeItem,
  own: RequestResult,
): boolean {
  if (outcome === outcomes.badInput) return isFault(own)
  if (own.kind !== 'values') return false
  if (rule.rule !== 'class' && rule.rule !== 'top-k') return isSame(rule, answer, own.values)
  const best = bestOf(own.values, choices(rule), BigInt(rule.margin))
  return best !== null && best.join() === answer.join()
}

/** Of two answers: the same classes, or vectors within the tolerance. */
function isSame(rule: AgreementRule, answer: readonly bigint[], other: readonly bigint[]): boolean {
  if (answer.length !== other.length) return false
  if (rule.rule === 'class' || rule.rule === 'top-k') return answer.join() === other.join()
  return isNear(other, answer, tolerancesAround(answer, rule.tolerances, [answer.length]))
}

const comparable = (rule: AgreementRule, answer: readonly bigint[], other: readonly bigint[]): boolean =>
  choices(rule) === 0 && answer.length > 0 && answer.length === other.length

function distanceFrom(rule: AgreementRule, answer: readonly bigint[], own: RequestResult): bigint | null {
  return own.kind === 'values' && comparable(rule, answer, own.values) ? distance(own.values, answer) : null
}

const isFault = (own: RequestResult): boolean =>
  own.kind === 'abstained' && (own.reason === 'bad-input' || own.reason === 'not-finite')

/** A choice of k classes among k or fewer says nothing, as in the answering of requests. */
function asFault({ oracle, value }: Given, chosen: number): Given {
  const tooFew = value.kind === 'values' && value.values.length <= chosen
  return { oracle, value: tooFew ? { kind: 'abstained', reason: 'bad-input' } : value }
}
