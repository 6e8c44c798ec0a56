import { spawn } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { signingHistory } from '../../../node/adapters/postgres/signing-history.ts'
import { countingKey, slot } from '../../compliance/signing-slots.ts'
import { noMetrics, type TestPostgres, testPostgres, until } from './support.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let postgres: TestPostgres
const metrics = noMetrics
const text = (value: string) => new TextEncoder().encode(value)

beforeAll(async () => {
  postgres = await testPostgres()
})
afterAll(() => postgres.dispose())

describe('the signing history', () => {
  it('lets exactly one of two processes sign a slot, for every slot of a race', async () => {
    // Two pools with groups of their own are two processes as far as PostgreSQL can tell.
    const signers = await Promise.all(
      [0, 1].map(async () =>
        signingHistory({ database: await postgres.database('race'), metrics }).guard(countingKey('k')),
      ),
    )
    const purposes = Array.from({ length: 20 }, (_, i) => `purpose ${i}`)
    for (let round = 0n; round < 10n; round++) {
      const outcomes = await Promise.all(
        purposes.map((purpose) =>
          Promise.allSettled(
            signers.map((signer, who) => signer.sign(slot(round, 0n, purpose), text(`${who}`))),
          ),
        ),
      )
      for (const pair of outcomes) {
        expect(pair.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
        const loser = pair.find(({ status }) => status === 'rejected')
        expect(loser).toMatchObject({ reason: { code: 'SIGNER_SLOT_CONFLICT' } })
      }
    }
  })

  it('loses nothing that was signed when the server is killed in the middle of writing', async () => {
    const key = countingKey('crash')
    let database = await postgres.database('crash')
    const history = signingHistory({ database, metrics })
    const signer = history.guard(key)
    const highest = new Map<string, bigint>()
    let stop = false
    const failures: unknown[] = []
    const writers = Array.from({ length: 16 }, async (_, i) => {
      const purpose = `lane ${i}`
      for (let n = 1n; !stop; n++) {
        try {
          await signer.sign(slot(n, 0n, purpose), text(`${purpose} ${n}`))
          highest.set(purpose, n)
        } catch (error) {
          failures.push(error)
          return
        }
      }
    })
    await until(() => [...highest.values()].filter((n) => n > 20n).length === 16)
    process.kill(postgres.server.pid, 'SIGKILL')
    await postgres.server.exited
    stop = true
    await Promise.all(writers)
    for (const failure of failures) expect(failure).toMatchObject({ code: 'SIGNER_UNAVAILABLE', retry: true })

    await postgres.restart()
    database = await postgres.database('crash')
    const after = signingHistory({ database, metrics }).guard(key)
    for (const [purpose, n] of highest) {
      const again = after.sign(slot(n, 0n, purpose), text('something else'))
      // The claim after the last signed one may or may not have reached the disk: both answers refuse.
      await expect(again).rejects.toMatchObject({
        code: expect.stringMatching(/^SIGNER_SLOT_(CONFLICT|PASSED)$/),
      })
    }
  })

  it('does not ask the key before the claim is committed', async () => {
    const database = await postgres.database('order')
    const seen: unknown[] = []
    const signer = signingHistory({ database, metrics }).guard({
      id: 'k',
      sign: async (payload) => {
        // Another session sees only what is committed.
        seen.push(await database.query(`select position_0 from signing_history where key_id = 'k'`))
        return payload
      },
    })
    await signer.sign(slot(3n, 0n), text('x'))
    expect(seen).toEqual([[{ position_0: '3' }]])
  })

  it('is unavailable, not permissive, while the database is away or signing is suspended', async () => {
    const key = countingKey('k')
    const history = signingHistory({ database: await postgres.database('away'), metrics })
    const signer = history.guard(key)
    await postgres.server.stop()
    await expect(signer.sign(slot(1n, 1n), text('x'))).rejects.toMatchObject({
      code: 'SIGNER_UNAVAILABLE',
      retry: true,
    })
    await postgres.restart()
    await signer.sign(slot(1n, 1n), text('x'))
    history.suspend('the lock was lost')
    await expect(signer.sign(slot(2n, 1n), text('x'))).rejects.toMatchObject({ code: 'SIGNER_UNAVAILABLE' })
    expect(key.signed).toBe(1)
  })

  it('holds against a second operating system process', async () => {
    const database = await postgres.database('process')
    const signer = signingHistory({ database, metrics }).guard(countingKey('k'))
    const child = spawn(
      process.execPath,
      [new URL('./rival.ts', import.meta.url).pathname, postgres.server.url, 'process', '200'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    const ended = new Promise((done) => child.once('close', done))
    await until(() => output.includes('ready'), 20_000)
    const mine = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        signer.sign(slot(1n, 0n, `p${i}`), text('mine')).then(
          () => true,
          () => false,
        ),
      ),
    )
    await ended
    const theirs = new Set(output.match(/p\d+/g) ?? [])
    for (const [i, won] of mine.entries()) expect(theirs.has(`p${i}`)).toBe(!won)
  })
})
