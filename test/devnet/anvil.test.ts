import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { startAnvil } from '../../node/devnet/anvil.ts'
import { children } from '../../node/devnet/children.ts'
import { freePort } from '../adapters/ponder/fixture.ts'

it('the states of a chain lie in the devnet’s folder, not in the home folder', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'iyi-anvil-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const programs = children({ logDir: join(dir, 'logs') }, { guard: { watch() {}, release() {} } })
  onTestFinished(() => programs.stop('chain-a', 2_000))
  const inHome = () => readdir(join(homedir(), '.foundry', 'anvil', 'tmp')).catch(() => [])
  const stateDir = join(dir, 'chain-a')
  const chain = await startAnvil(
    { id: 31_337, name: 'chain-a', port: await freePort(), genesisTime: 1_700_000_000, stateDir },
    { children: programs },
  )
  // More blocks than Anvil keeps in memory, a part at a time: each answer has its deadline.
  for (let part = 0; part < 8; part++) await chain.rpc('anvil_mine', ['0xc8'])
  expect(await readdir(stateDir)).toEqual([expect.stringMatching(/^anvil-state-/)])
  const [own = ''] = await readdir(stateDir)
  expect(await inHome()).not.toContain(own)
})
