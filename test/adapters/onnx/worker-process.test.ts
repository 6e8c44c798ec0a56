import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { WorkerProcess } from '../../../node/adapters/onnx/worker-process.ts'

const limits = { runMs: 20_000, loadMs: 20_000, memoryBytes: 2 ** 31 }
const lying = fileURLToPath(new URL('./workers/lying.ts', import.meta.url))

function started(program: string) {
  const ends: string[] = []
  const worker = new WorkerProcess(limits, (why) => ends.push(why), program)
  onTestFinished(() => worker.stop())
  const open = (lie: string) =>
    worker.send(
      { op: 'open', model: 1, provider: 'cpu', threads: 1, optimisation: 'all' },
      'm',
      {},
      Buffer.from(lie),
    )
  return { worker, ends, open }
}

it.each(['noise', 'nothing', 'huge', 'another', 'type', 'end'])(
  'a worker that answers %s is ended, and nothing is believed',
  async (lie) => {
    const { worker, ends, open } = started(lying)
    const first = open(lie)
    const second = open('later')
    await expect(first).rejects.toMatchObject({ code: 'BACKEND_CRASHED' })
    await expect(second).rejects.toMatchObject({ code: 'BACKEND_LOST', retry: true })
    expect(ends).toHaveLength(1)
    await expect(open('later')).rejects.toMatchObject({ code: 'BACKEND_LOST' })
    await worker.stop()
    expect(ends).toHaveLength(1)
  },
)

it('one that can not be started is told once', async () => {
  const { ends, worker, open } = started('/there/is/no/such/file.ts')
  await expect(open('x')).rejects.toMatchObject({ code: 'BACKEND_CRASHED' })
  await worker.stop()
  expect(ends).toHaveLength(1)
})
