// Loaded into Ponder before it starts. Its standard input is a pipe that the supervisor holds and never writes to: when
// that ends, the supervisor is gone however it went, and an indexer that nobody watches must go as well.
const graceMs = 3_000

process.stdin.on('end', () => {
  process.kill(process.pid, 'SIGTERM')
  // Ponder's own shutdown can hang once it has lost its output.
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), graceMs)
})
process.stdin.resume()
if ('unref' in process.stdin) process.stdin.unref()
