import { SigningHistoryError } from './errors.ts'
import type { Disagreement } from './history-merge.ts'

// Why a history is not handed on or taken over, each with what to do. Long lists are cut, in the text and in the data.

const SHOWN = 5
const KEPT = 50

export function emptyHere(keys: readonly string[], otherKeys: readonly string[]): SigningHistoryError {
  return new SigningHistoryError(
    'SIGNING_HISTORY_EMPTY',
    `This database knows no signature of ${keys.join(' or ')}. Check that the configuration names the validator's database, its schema and its keys; one that never signed has no history to move.`,
    { data: { keys, otherKeys: otherKeys.slice(0, KEPT) } },
  )
}

export function foreignKeys(keys: readonly string[]): SigningHistoryError {
  return new SigningHistoryError(
    'SIGNING_HISTORY_FOREIGN_KEY',
    `The file is about keys that this node does not hold: ${keys.slice(0, SHOWN).join(', ')}. Nothing was changed. Copy the keys folder first, and look at "iyi keys list": the file belongs to the node that holds all of these keys.`,
    { data: { keys: keys.slice(0, KEPT) } },
  )
}

/** `ahead`: the file knows signatures, too, that the database does not. */
export function weaker(entries: readonly Disagreement[], { ahead }: { ahead: boolean }): SigningHistoryError {
  const remedy = ahead
    ? 'And the file knows signatures that this database does not: two nodes signed with these keys. Stop both for good, make new keys, and let the owners of your feeds replace the old ones.'
    : 'This database signed after the file was written, so it needs nothing from it: if this is the node that goes on, just start it. If not, export again from here.'
  return new SigningHistoryError(
    'SIGNING_HISTORY_WEAKER',
    `The file forgets what this database knows was signed, and nothing was changed: ${list(entries)}. ${remedy}`,
    { data: { ahead, count: entries.length, entries: entries.slice(0, KEPT) } },
  )
}

export function conflict(entries: readonly Disagreement[]): SigningHistoryError {
  return new SigningHistoryError(
    'SIGNING_HISTORY_CONFLICT',
    `A key signed two different things for one slot, one by the file and one by this database; nothing was changed: ${list(entries)}. Two nodes ran with these keys. Stop both for good, make new keys, and let the owners of your feeds replace the old ones.`,
    { data: { count: entries.length, entries: entries.slice(0, KEPT) } },
  )
}

export function retiredHere(keys: readonly string[]): SigningHistoryError {
  return new SigningHistoryError(
    'SIGNING_HISTORY_RETIRED',
    `These keys were retired in this database, to go on elsewhere: ${keys.join(', ')}. Run the other node, or give this one new keys. To come back here, export from the other node with --retire and import that file; the file of this database's own retirement serves only if no other node ever imported it.`,
    { data: { keys } },
  )
}

function list(entries: readonly Disagreement[]): string {
  const lines = entries
    .slice(0, SHOWN)
    .map(
      ({ keyId, purpose, scope, here, there }) =>
        `${purpose} of ${keyId} in ${scope} (here ${here.join('/')}, file ${there?.join('/') ?? 'nothing'})`,
    )
  const more = entries.length - lines.length
  return `${lines.join('; ')}${more > 0 ? `; and ${more} more` : ''}`
}
