import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { offenceToJson } from '../../node/ports/offence-schema.ts'
import { PROJECT_ROOT } from '../../scripts/artifacts.ts'
import { commits, sampleOffence } from '../quorum/sample-offence.ts'
import { cliWorld } from './cli-world.ts'

let dir = ''
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'iyi-evidence-'))
})
afterAll(() => rm(dir, { recursive: true }))

async function verify(json: unknown) {
  const path = join(dir, 'evidence.json')
  await writeFile(path, typeof json === 'string' ? json : JSON.stringify(json))
  const world = cliWorld()
  const code = await world.run('evidence', 'verify', path)
  return { code, out: world.out(), err: world.err() }
}

const proven = offenceToJson(sampleOffence({ statement: 'commit', statements: commits }))
const seen = offenceToJson(
  sampleOffence({
    offence: 'bad-signature',
    statement: 'commit',
    statements: [{ bytes: commits[0].bytes, signature: commits[1].signature }],
  }),
)

describe('iyi evidence verify', () => {
  it('says what is proven, of a record and of an answer of the API', async () => {
    for (const json of [proven, { data: proven, meta: {} }, { data: [proven], meta: {}, nextCursor: null }]) {
      const { code, out, err } = await verify(json)
      expect(code).toBe(0)
      expect(out).toMatch(/^0x[0-9a-f]{64} {2}equivocation of oracle 2 \(commit, epoch 3, sequence 9\)/)
      expect(out).toMatch(/: proven\n$/)
      expect(err).toContain('latestConfigDetails')
    }
  })

  it('proves the sample of the documents', async () => {
    const world = cliWorld()
    expect(await world.run('evidence', 'verify', join(PROJECT_ROOT, 'docs/examples/evidence.json'))).toBe(0)
    expect(world.out()).toMatch(/equivocation of oracle 2 .*: proven\n$/)
  })

  it('says what rests on the word of a node', async () => {
    const { code, out } = await verify({ data: [proven, seen] })
    expect(code).toBe(0)
    expect(out.split('\n')[1]).toContain('no proof by itself')
  })

  it('ends with 1 when one does not hold', async () => {
    const { code, out, err } = await verify({ data: [proven, { ...proven, oracle: 1 }] })
    expect(code).toBe(1)
    expect(out).toContain('NOT VALID')
    expect(err).toContain('1 of 2')
  })

  it.each(['', '{', '{}', '[1]', 'null', '{"data":[{"format":"iyi-quorum-offence"}]}'])(
    'refuses %s',
    async (text) => {
      const { code, err } = await verify(text)
      expect(code).toBe(1)
      expect(err).toContain('holds no evidence')
    },
  )

  it('refuses a file that is not there', async () => {
    const world = cliWorld()
    expect(await world.run('evidence', 'verify', join(dir, 'nothing.json'))).toBe(1)
    expect(world.err()).toMatch(/nothing\.json holds no evidence: there is no such file\n$/)
  })

  it.each([[[]], [{ data: [], meta: {}, nextCursor: null }]])('finds no offences in %o', async (json) => {
    expect(await verify(json)).toMatchObject({ code: 0, out: expect.stringMatching(/^no offences/), err: '' })
  })
})
