import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Logger } from '../../ports/log.ts'
import type { ProcessGuard } from '../../ports/process.ts'

/**
 * Starts the guardian. It is a process of its own session, so that a signal to the terminal's group does not reach
 * it, and it ends when this process closes the channel, by `close` or by dying. What is still watched by then is
 * ended: a program that ended was released by its owner, so what is left is one that nobody could stop in time.
 */
export function startGuardian(modules: { log: Logger }): ProcessGuard & { close(): void } {
  const watched = new Set<number>()
  let closed = false
  let child = spawn()

  function spawn(): ReturnType<typeof fork> {
    const started = fork(fileURLToPath(new URL('./guardian-child.ts', import.meta.url)), [], {
      detached: true,
      stdio: 'ignore',
      execArgv: ['--max-old-space-size=16'],
      env: { PATH: process.env.PATH },
    })
    started.unref()
    started.channel?.unref()
    started.on('error', (error) => modules.log.warn({ err: error }, 'guardian failed'))
    started.on('exit', () => {
      if (closed) return
      modules.log.warn({}, 'guardian ended; start another')
      child = spawn()
    })
    for (const pid of watched) started.send({ watch: pid })
    return started
  }

  return {
    watch(pid) {
      watched.add(pid)
      child.send({ watch: pid })
    },
    release(pid) {
      watched.delete(pid)
      if (child.connected) child.send({ release: pid })
    },
    close() {
      closed = true
      if (child.connected) child.disconnect()
    },
  }
}
