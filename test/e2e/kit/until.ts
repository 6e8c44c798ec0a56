/**
 * Asks `probe` again and again until it gives something (not null, undefined or false), and resolves with that. A probe
 * that throws has given nothing yet. Rejects at the deadline with what was waited for and what the last look saw.
 */
export async function until<T>(
  what: string,
  probe: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  options: { withinMs: number; everyMs?: number; saw?: () => unknown },
): Promise<T> {
  const deadline = performance.now() + options.withinMs
  let failure: unknown
  for (;;) {
    try {
      const found = await probe()
      if (found !== null && found !== undefined && found !== false) return found
      failure = undefined
    } catch (error) {
      failure = error
    }
    if (performance.now() > deadline) {
      const seen = options.saw === undefined ? '' : `; last seen: ${String(options.saw())}`
      throw new Error(`not within ${options.withinMs} ms: ${what}${seen}`, { cause: failure })
    }
    await new Promise((resolve) => setTimeout(resolve, options.everyMs ?? 150))
  }
}
