import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { oracleFeedAbi } from '../../contracts/abi/OracleFeed.ts'
import { readArtifact } from '../../scripts/artifacts.ts'
import { generateAbis, staleAbis } from '../../scripts/generate-abi.ts'

it('the committed ABIs are those of the compiled contracts', async () => {
  expect(await staleAbis()).toEqual([])
})

it('a generated file holds the artifact’s ABI', async () => {
  expect((await readArtifact('OracleFeed')).abi).toEqual(oracleFeedAbi)
  expect([...(await generateAbis()).keys()]).toContain('contracts/abi/OracleFeed.ts')
})

it('says what to run when nothing was compiled, and when an artifact is damaged', async () => {
  const root = await mkdtemp(join(tmpdir(), 'iyi-artifacts-'))
  try {
    await expect(readArtifact('OracleFeed', root)).rejects.toMatchObject({ code: 'ARTIFACT_MISSING' })
    const folder = join(root, 'artifacts', 'contracts', 'oracle', 'OracleFeed.sol')
    await mkdir(folder, { recursive: true })
    for (const text of ['', '{}', '[]', '{"abi":[],"bytecode":"no"}']) {
      await writeFile(join(folder, 'OracleFeed.json'), text)
      await expect(readArtifact('OracleFeed', root)).rejects.toMatchObject({ code: 'ARTIFACT_INVALID' })
    }
  } finally {
    await rm(root, { recursive: true })
  }
})
