import { onTestFinished } from 'vitest'
import { systemClock } from '../../../node/adapters/clock/system.ts'
import { type KserveOptions, kserveBackend } from '../../../node/adapters/kserve/kserve-backend.ts'
import { pinoLogger } from '../../../node/adapters/pino/pino-logger.ts'
import type { Clock } from '../../../node/ports/clock.ts'
import type { ModelSource } from '../../../node/ports/inference-backend.ts'
import type { TensorOf } from '../../../node/ports/tensor.ts'

export const TOKEN = 's3cret-t0ken'

/** A backend whose model `m` is the server's `remote`; started, and stopped with the test. */
export async function startBackend(
  url: string,
  changes: Partial<KserveOptions> = {},
  clock: Clock = systemClock,
) {
  const logs: Record<string, unknown>[] = []
  const log = pinoLogger({
    level: 'debug',
    format: 'json',
    destination: { write: (line) => void logs.push(JSON.parse(line)) },
  })
  const backend = kserveBackend(
    { url, models: { m: { name: 'remote' } }, timeoutMs: 10_000, lanes: 2, token: TOKEN, ...changes },
    { log, clock },
  )
  onTestFinished(() => backend.stop())
  await backend.start()
  return { backend, logs, open: (id = 'm') => backend.open(source(id), 'kserve') }
}

const source = (id: string): ModelSource => ({ id, version: '1', digest: '0x', bytes: new Uint8Array() })

export const floats = (values: readonly number[], shape = [values.length]): TensorOf<'float32'> => ({
  type: 'float32',
  shape,
  data: Float32Array.from(values),
})

/** Time that stands still; timers fire by hand. */
export function handClock() {
  const timers = new Map<() => void, number>()
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    setTimer: (delayMs, fire) => {
      timers.set(fire, delayMs)
      return { cancel: () => void timers.delete(fire) }
    },
  }
  return {
    clock,
    delays: () => [...timers.values()],
    /** Fires the timers of this delay. */
    fire: (delayMs: number) => {
      for (const [fire, delay] of timers)
        if (delay === delayMs) {
          timers.delete(fire)
          fire()
        }
    },
  }
}
