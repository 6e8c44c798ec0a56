// Loaded into Ponder before it starts. Its standard input is a pipe that the supervisor holds and never writes to: when
// that ends, the supervisor is gone, however it went, and an indexer that nobody watches must go as well.
//
// On a thread of its own, and with SIGKILL, because Ponder's logger can do nothing else then: it tries to write to its
// broken output for ever, on the main thread, so that neither SIGTERM nor a timer is ever seen to. Ponder recovers from
// that like from any crash.
import { Socket } from 'node:net'
import { isMainThread, Worker } from 'node:worker_threads'

if (isMainThread) {
  // Without `execArgv` the worker would load this file before this file.
  new Worker(new URL(import.meta.url), { execArgv: [] }).unref()
} else {
  const end = (): void => void process.kill(process.pid, 'SIGKILL')
  new Socket({ fd: 0, readable: true, writable: false }).on('end', end).on('error', end).resume()
}
