// A parent as the node is one: it starts programs, has the guardian watch them, and dies without a word. Started by
// guardian.test.ts, with what the programs are as its arguments.
import { spawn } from 'node:child_process'
import { startGuardian } from '../../../node/adapters/process/guardian.ts'
import { recordingLog } from '../postgres/support.ts'

const kinds = process.argv.slice(2)
const guard = startGuardian({ log: recordingLog() })
const pids = kinds.map((kind) => {
  const stubborn = kind === 'stubborn' ? "process.on('SIGTERM', () => {});" : ''
  const child = spawn(
    process.execPath,
    ['-e', `${stubborn} process.stdout.write('up'); setInterval(() => {}, 1000)`],
    {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  )
  const { pid = 0 } = child
  guard.watch(pid)
  if (kind === 'released') guard.release(pid)
  return { pid, up: new Promise((resolve) => child.stdout.once('data', resolve)) }
})
await Promise.all(pids.map(({ up }) => up))
process.stdout.write(`${JSON.stringify(pids.map(({ pid }) => pid))}\n`)
process.on('message', (what) => {
  if (what === 'close') guard.close()
})
setInterval(() => {}, 1000)
