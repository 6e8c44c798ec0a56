export interface StreamEvent {
  readonly id: string
  readonly type: string
  readonly data: unknown
}

/** A server-sent event stream, read by hand: an EventSource hides ids and chooses its own moment to connect again. */
export interface EventStream {
  /** All events so far, once `enough` says so of them. */
  read(enough: (events: readonly StreamEvent[]) => boolean, withinMs?: number): Promise<StreamEvent[]>
  close(): Promise<void>
}

export async function openStream(url: string, headers: Record<string, string> = {}): Promise<EventStream> {
  const abort = new AbortController()
  const response = await fetch(url, {
    headers: { accept: 'text/event-stream', ...headers },
    signal: abort.signal,
  })
  if (response.status !== 200 || response.body === null) throw new Error(`${url} answered ${response.status}`)
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  const events: StreamEvent[] = []
  let rest = ''
  return {
    async read(enough, withinMs = 60_000) {
      const timer = setTimeout(
        () => abort.abort(new Error(`the stream did not bring it within ${withinMs} ms`)),
        withinMs,
      )
      try {
        while (!enough(events)) {
          const { done, value } = await reader.read()
          if (done) throw new Error('the stream ended')
          rest += value
          const parts = rest.split('\n\n')
          rest = parts.pop() ?? ''
          for (const part of parts) {
            const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(part)?.[1]
            const data = field('data')
            if (data === undefined) continue
            events.push({ id: field('id') ?? '', type: field('event') ?? 'message', data: JSON.parse(data) })
          }
        }
        return [...events]
      } finally {
        clearTimeout(timer)
      }
    },
    async close() {
      await reader.cancel().catch(() => {})
      abort.abort()
    },
  }
}
