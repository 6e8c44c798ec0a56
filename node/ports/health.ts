/** `degraded` works but needs attention; `failed` does not do its job. `reason` names the remedy. */
export type Health =
  | { readonly status: 'ok'; readonly detail?: string }
  | { readonly status: 'degraded' | 'failed'; readonly reason: string }
