import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { isReady } from '../kit/http.ts'
import type { Network } from '../kit/network.ts'
import { iyi } from '../kit/program.ts'
import { variant } from '../kit/validator.ts'

/** A command that can't work ends at once, with exit code 1 and one line that says what to do. */
async function refused(args: readonly string[]): Promise<string> {
  const program = iyi(args)
  try {
    const { code } = await program.ended(30_000)
    expect(code, program.stderr()).toBe(1)
    return program.stderr()
  } finally {
    await program.destroy()
  }
}

/** Starts that must fail, each without harm to the network that runs. */
export function refusals(net: Network): void {
  it('a second devnet in the same folder', async () => {
    const stderr = await refused(['devnet', '--dir', net.dir, '--port-base', String(net.base + 3_000)])
    expect(stderr).toMatch(/^error DEVNET_ALREADY_RUNNING: /)
    expect(stderr).toContain(String(net.devnet.pid))
    expect(stderr).toContain('--dir')
    expect(await isReady(net.description.api[0] ?? '')).toBe(true)
  })

  it('a devnet on taken ports', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'iyi-e2e-taken-'))
    try {
      const stderr = await refused(['devnet', '--dir', dir, '--port-base', String(net.base)])
      expect(stderr).toMatch(/^error DEVNET_PORT_TAKEN: /)
      expect(stderr).toContain(`port ${net.base}`)
      expect(stderr).toContain('--port-base')
    } finally {
      await rm(dir, { recursive: true, force: true })
    }
  })

  it('a devnet in a folder with files of somebody else', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'iyi-e2e-foreign-'))
    try {
      writeFileSync(join(dir, 'thesis.txt'), 'years of work')
      const stderr = await refused(['devnet', '--dir', dir, '--port-base', String(net.base + 3_000)])
      expect(stderr).toMatch(/^error DEVNET_BAD_OPTION: /)
    } finally {
      await rm(dir, { recursive: true, force: true })
    }
  })

  it('a second node with the keys and the database of a running validator', async () => {
    const config = variant(net, 0, 'twin', (twin) => {
      Object.assign(twin, { api: { port: net.base + 7 }, admin: { port: net.base + 8 } })
      twin.network.listen = [`/ip4/127.0.0.1/tcp/${net.base + 6}`]
    })
    const program = iyi(['start', '--config', config])
    try {
      const { code } = await program.ended(30_000)
      // 75: a supervisor may try again, once the first one is gone.
      expect([1, 75]).toContain(code)
      expect(program.stderr()).toMatch(/^error [A-Z]+_[A-Z_]+: /m)
    } finally {
      await program.destroy()
    }
    expect(await isReady(net.description.api[0] ?? '')).toBe(true)
  })

  it('to be an adversary: only the build of the tests knows how', async () => {
    const config = join(net.dir, 'validator-0', 'iyi.yaml')
    const stderr = await refused(['start', '--config', config, '--adversary', 'silent'])
    expect(stderr).toMatch(/unknown option '--adversary'/)
  })

  it.each(['start', 'config check'])('a plugin that was not granted what it needs (%s)', async (verb) => {
    const config = variant(net, 0, 'ungranted', ({ plugins }) => {
      const [oracle] = plugins
      if (oracle !== undefined) oracle.grants = oracle.grants.filter((grant) => grant !== 'inference')
    })
    const stderr = await refused([...verb.split(' '), '--config', config])
    expect(stderr).toContain('oracle')
    expect(stderr).toContain('inference')
    expect(stderr).toMatch(/^error KERNEL_/)
  })
}
