import type { Clock, Timer } from '../../ports/clock.ts'
import type { Logger } from '../../ports/log.ts'

const FIRST_DELAY_MS = 1_000
const MAX_DELAY_MS = 60_000

/** Tells when a provider says over WebSocket that there is a new block. What it says is not taken: the head is read. */
export interface HeadSubscription {
  /** Whether news arrive: polling may then be less frequent. */
  readonly live: boolean
  start(): void
  stop(): void
}

/**
 * `eth_subscribe` to `newHeads` (geth, "Real-time Events"). A connection that breaks, or says nothing for `quietMs`, is
 * made anew after a delay that doubles from 1 s to 60 s. Its address is never logged.
 */
export function headSubscription(
  options: {
    readonly url: string
    readonly chainId: number
    readonly provider: number
    readonly quietMs: number
    readonly onHead: () => void
  },
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): HeadSubscription {
  const facts = { chain: options.chainId, provider: options.provider }
  let socket: WebSocket | null = null
  let timer: Timer | null = null
  let failures = 0
  let live = false
  let stopped = true

  function open(): void {
    const opened = new WebSocket(options.url)
    socket = opened
    opened.addEventListener('open', () => {
      opened.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params: ['newHeads'] }))
    })
    opened.addEventListener('message', ({ data }) => {
      if (socket !== opened || !isHead(data)) return
      if (!live) log.debug(facts, 'Learn of new blocks over WebSocket')
      live = true
      failures = 0
      watch()
      options.onHead()
    })
    opened.addEventListener('close', () => again(opened))
    opened.addEventListener('error', () => again(opened))
    watch()
  }

  /** A connection may be half open: silence ends it. */
  function watch(): void {
    timer?.cancel()
    timer = clock.setTimer(options.quietMs, () => {
      if (socket !== null) again(socket)
    })
  }

  function again(from: WebSocket): void {
    if (stopped || socket !== from) return
    socket = null
    from.close()
    if (live) log.debug(facts, 'Go on polling for new blocks: the WebSocket is away')
    live = false
    const delayMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures, 10))
    failures += 1
    timer?.cancel()
    timer = clock.setTimer(delayMs, open)
  }

  return {
    get live() {
      return live
    },
    start: () => {
      if (!stopped) return
      stopped = false
      open()
    },
    stop: () => {
      stopped = true
      live = false
      timer?.cancel()
      socket?.close()
      socket = null
    },
  }
}

function isHead(data: unknown): boolean {
  if (typeof data !== 'string') return false
  try {
    const message: unknown = JSON.parse(data)
    return (
      typeof message === 'object' && message !== null && Reflect.get(message, 'method') === 'eth_subscription'
    )
  } catch {
    return false
  }
}
