import type { Figure } from '../figure.ts'
import { underLoad } from './load.ts'
import { requestToCallback } from './request-to-callback.ts'
import { manyAtOnce, small } from './small.ts'
import { benchmarkedModels, startPort } from './subject.ts'
import { throughput } from './throughput.ts'

/**
 * The models that ship through the inference port (checks, queues, the worker's process included) against a bare session of
 * the runtime; latency in an open loop; and from a contract's question to its callback on a devnet.
 */
export async function* inferenceBenchmarks(wanted: (prefix: string) => boolean): AsyncIterable<Figure> {
  const models = benchmarkedModels().filter(({ id }) => wanted(`inference.${id}`))
  if (models.length > 0) {
    const port = await startPort(1)
    try {
      for (const model of models) {
        yield* await throughput(model, port)
        yield* await underLoad(model, port)
      }
    } finally {
      await port.stop()
    }
  }
  if (wanted('inference.small')) yield* await small()
  if (wanted('inference.many_models')) yield* await manyAtOnce()
  if (wanted('inference.request_to_callback_ms')) yield* await requestToCallback()
}
