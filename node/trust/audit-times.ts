/** How long the auditor waits for what, in milliseconds. */
export interface AuditTimes {
  /** After a look that came to nothing. */
  readonly retryMs: number
  /** For one provider, before another one is asked too. */
  readonly hedgeMs: number
  /** A reorganisation may be under way: so long may providers stand on different blocks before the chain halts. */
  readonly forkMs: number
  /** The index may be taking rows back: so long may it differ. */
  readonly indexMs: number
  /** Before a provider that was proven wrong is asked again. */
  readonly asideMs: number
}

export const auditTimes: AuditTimes = {
  retryMs: 1_000,
  hedgeMs: 2_000,
  forkMs: 60_000,
  indexMs: 30_000,
  asideMs: 60_000,
}
