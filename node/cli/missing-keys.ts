import type { CliDeps, KeystoreSummary } from './deps.ts'

/** What is said of a validator's keys when some are absent; null when all are there. */
export function missingKeys(
  dir: string,
  present: readonly KeystoreSummary[],
  deps: Pick<CliDeps, 'keyRoles'>,
): { readonly message: string; readonly remedy: string } | null {
  const missing = deps.keyRoles.filter((role) => !present.some((key) => key.role === role))
  if (missing.length === 0) return null
  if (present.length === 0)
    return {
      message: `there are no keys in ${dir}`,
      remedy: 'make them with "iyi init", or correct keys.dir',
    }
  return {
    message: `the ${missing.join(' and the ')} key ${missing.length === 1 ? 'is' : 'are'} missing in ${dir}`,
    // Half a set can't be filled up: contracts name all four of one validator.
    remedy: `bring ${missing.map((role) => `${role}.json`).join(' and ')} back from a copy, or make a whole new set in another folder`,
  }
}
