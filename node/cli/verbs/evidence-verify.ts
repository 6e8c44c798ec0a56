import { readFile, stat } from 'node:fs/promises'
import { offenceFromJson } from '../../ports/offence-schema.ts'
import type { OffenceRecord } from '../../ports/quorum.ts'
import type { CliDeps } from '../deps.ts'
import { CliError } from '../errors.ts'

/** A record is a few kilobytes; a page of them is far below this. */
const MAX_BYTES = 8 * 1024 * 1024

/**
 * Checks evidence of offences without asking any node or chain: a record, or an answer of `GET /v1/quorum/evidence`.
 * One line each, or that there is none; rejects with `CLI_BAD_EVIDENCE` when one does not hold.
 */
export async function evidenceVerify(path: string, deps: CliDeps): Promise<void> {
  const records = await readRecords(path)
  if (records.length === 0) {
    deps.stdout.write(`no offences: the list in ${path} is empty\n`)
    return
  }
  let bad = 0
  for (const record of records) {
    const verdict = deps.judgeOffence(record)
    if (!verdict.valid) bad++
    const { offence, oracle, statement, epoch, seqNr, configuration, id } = record
    const { chainId, address } = configuration.contract
    const place = statement === 'report' ? `sequence ${seqNr}` : `epoch ${epoch}, sequence ${seqNr}`
    const result = verdict.valid
      ? verdict.proof === 'self'
        ? 'proven'
        : 'seen: no proof by itself, the word of the node that recorded it'
      : `NOT VALID: ${verdict.reason}`
    deps.stdout.write(
      `${id}  ${offence} of oracle ${oracle} (${statement}, ${place}) in configuration ${configuration.configCount} of ${address} on chain ${chainId}: ${result}\n`,
    )
  }
  if (bad > 0)
    throw new CliError('CLI_BAD_EVIDENCE', `${bad} of ${records.length} records do not hold`, { path })
  deps.stderr.write(
    'That the configuration is the contract’s, its chain says: compare the digest with latestConfigDetails, or with the ConfigSet event of its time.\n',
  )
}

async function readRecords(path: string): Promise<readonly OffenceRecord[]> {
  const unreadable = (why: string, cause?: unknown) =>
    new CliError('CLI_BAD_EVIDENCE', `${path} holds no evidence: ${why}`, { path }, cause)
  let json: unknown
  try {
    if ((await stat(path)).size > MAX_BYTES) throw new RangeError(`it is larger than ${MAX_BYTES} bytes`)
    json = JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause
    const absent = 'code' in cause && cause.code === 'ENOENT'
    throw unreadable(absent ? 'there is no such file' : cause.message, cause)
  }
  const inner = typeof json === 'object' && json !== null && 'data' in json ? json.data : json
  const list: readonly unknown[] = Array.isArray(inner) ? inner : [inner]
  try {
    return list.map(offenceFromJson)
  } catch (cause) {
    throw unreadable('it is neither a record nor an answer of GET /v1/quorum/evidence', cause)
  }
}
