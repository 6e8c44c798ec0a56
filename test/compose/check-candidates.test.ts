import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkPlugins } from '../../node/compose/check-plugins.ts'
import { parseConfig } from '../../node/config/load.ts'
import { readManifest } from '../../node/inference/manifest.ts'
import { minimal } from '../config/config-cases.ts'
import { tinyFolder, writeTiny } from '../inference/tiny-fixture.ts'
import { version } from '../inference/versions/world.ts'

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'iyi-candidates-'))
})
afterEach(() => rm(dir, { recursive: true }))

/** Checks a configuration of these versions, each `[id, version]`, with a candidate that is one of them. */
async function check(
  models: readonly (readonly [id: string, version: string])[],
  { of, tried, decided }: { of: string; tried: number; decided?: 'promoted' | 'set-aside' },
) {
  const manifest = await writeTiny(
    await tinyFolder(),
    models.map(([id, each]) => version(each, { id })),
  )
  const digests = readManifest(manifest).map(({ digest }) => digest)
  const digest = digests[tried] ?? `0x${'ab'.repeat(32)}`
  const { config, source } = parseConfig({
    path: join(dir, 'iyi.yaml'),
    value: { ...minimal, inference: { manifest, candidates: { [of]: { digest } } } },
  })
  if (decided !== undefined) {
    const states = join(config.dataDir, 'models', 'versions')
    await mkdir(states, { recursive: true })
    const record = { state: decided, by: 'operator', at: '2026-01-01T00:00:00.000Z', reason: 'so' }
    await writeFile(join(states, `${digest}.json`), JSON.stringify(record))
  }
  return checkPlugins(config, source)
}

const refusal = (of: string, message: string) => ({
  code: 'CONFIG_INVALID',
  data: {
    faults: [{ path: `inference.candidates.${of}.digest`, message: expect.stringContaining(message) }],
  },
})

describe('a candidate of the configuration', () => {
  test('is tried beside another version, or one that comes later', async () => {
    const two = [
      ['net', '1'],
      ['net', '2'],
    ] as const
    await expect(check(two, { of: 'net', tried: 1 })).resolves.toEqual([])
    await expect(check(two, { of: 'net', tried: 0 })).resolves.toEqual([])
    await expect(check(two, { of: 'net', tried: 9 })).resolves.toEqual([])
  })

  test('that is the model itself, with no other version, is refused: nothing would answer', async () => {
    const one = [
      ['net', '1'],
      ['other', '1'],
    ] as const
    await expect(check(one, { of: 'net', tried: 0 })).rejects.toMatchObject(refusal('net', 'only version'))
    await expect(check(one, { of: 'net', tried: 0, decided: 'promoted' })).resolves.toEqual([])
  })

  test('that is a version of another model is refused', async () => {
    const models = [
      ['net', '1'],
      ['other', '1'],
      ['other', '2'],
    ] as const
    await expect(check(models, { of: 'net', tried: 2 })).rejects.toMatchObject(
      refusal('net', 'version 2 of other'),
    )
  })
})
