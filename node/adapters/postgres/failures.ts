/** What a failed statement means for the caller. */
export type FailureKind = 'unavailable' | 'statement' | 'refused'

// Classes of SQLSTATE (PostgreSQL manual, appendix A) after which the same call may succeed: 08 connection, 53 out of
// resources, 57 operator intervention, 58 system error, 40 rollback by the server, 55 object in use, 25006 read-only.
const transient = /^(08|53|57|58|40|55|25006)/
// 28 authorization, 3D no such database, 42501 insufficient privilege.
const refused = /^(28|3D|42501)/

/** SQLSTATE of a PostgreSQL error, or the system's code of a broken connection; '' when there is neither. */
export function sqlState(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** Sorts a driver's error. One without an SQLSTATE is about the connection. */
export function classify(error: unknown): FailureKind {
  const code = sqlState(error)
  if (refused.test(code)) return 'refused'
  return /^[0-9A-Z]{5}$/.test(code) && !transient.test(code) ? 'statement' : 'unavailable'
}

/** The server's words about a bad statement, without the row values that its detail field may hold. */
export function statementFault(error: unknown): { sqlState: string; fault: string } {
  return { sqlState: sqlState(error), fault: error instanceof Error ? error.message : String(error) }
}
