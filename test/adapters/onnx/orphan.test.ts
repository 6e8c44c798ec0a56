import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { until } from '../../e2e/kit/until.ts'

it('a worker in the middle of a run ends with the node that was killed', async () => {
  const parent = spawn(process.execPath, [fileURLToPath(new URL('./doomed-node.ts', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  parent.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  const pid = await until('there is a worker', () => output.includes('\n') && Number(output), {
    withinMs: 30_000,
  })
  onTestFinished(() => {
    parent.kill('SIGKILL')
    if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL')
  })
  const ticks = () => Number(readFileSync(`/proc/${pid}/stat`, 'latin1').split(' ')[13])
  // More than it takes to start and to open the model: it counts.
  await until('it is at work', () => ticks() > 150, { withinMs: 60_000 })
  parent.kill('SIGKILL')
  await until('it has ended', () => !existsSync(`/proc/${pid}`), { withinMs: 20_000 })
  expect(existsSync(`/proc/${pid}`)).toBe(false)
})
