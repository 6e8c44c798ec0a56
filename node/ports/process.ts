/**
 * Ends programs of ours that can't notice by themselves that their parent died (PostgreSQL, Anvil, Ponder): a small
 * guardian process holds a pipe to this one, and when the pipe breaks it terminates what it was told of.
 */
export interface ProcessGuard {
  /** From now on `pid` ends when this process does. */
  watch(pid: number): void
  /** It ended by itself. */
  release(pid: number): void
}
