import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { placementOf, providerText } from '../../../node/adapters/onnx/placement.ts'
import { openSession } from '../../../node/adapters/onnx/session.ts'
import { float32 } from '../../inference/tiny-fixture.ts'
import { centering } from '../../inference/tiny-onnx.ts'

it("the runtime's own profile says what ran where", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'iyi-profile-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const session = await openSession(centering(), {
    ...{ provider: 'cpu', threads: 1, profilePrefix: join(folder, 'run') },
  })
  await session.run({ x: float32([2, 2], 1, 2, 3, 4) })
  session.endProfile()
  await session.release()
  const files = await readdir(folder)
  expect(files).toHaveLength(1)
  const placement = placementOf(await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8'))))
  expect(placement).toEqual({ CPUExecutionProvider: 2 })
  expect(providerText(placement)).toBe('cpu')
})

it('names what ran elsewhere, the most first', () => {
  const placement = { CPUExecutionProvider: 3, WebGpuExecutionProvider: 12 }
  expect(providerText(placement)).toBe('webgpu 12, cpu 3')
})
