import { hexToBytes, sha256, toHex } from 'viem'
import { describe, expect, test, vi } from 'vitest'
import { HOME, ORIGIN } from '../kit.ts'
import { serveOracle } from '../served.ts'
import { answerRow, askable, INPUT, ORACLE, requestRow } from './kit.ts'

const bytes = hexToBytes(INPUT)
const hash = sha256(INPUT).slice(2)
/** As the plugin's clock has it. */
const NOW = 1_700_000_500
const named = { input: '0x', inputLength: bytes.length, deadline: BigInt(NOW + 600) } as const

/** The plugin as it starts with its node, with what the index knew then. */
async function plugin() {
  const node = await serveOracle({
    inference: [{ id: 'questions', contract: { chainId: HOME, address: ORACLE } }],
  })
  node.inference.set(askable)
  return node
}

const until = { timeout: 5_000, interval: 10 }

describe('inputs that requests name by hash, without any round', () => {
  test.each([
    ['waits', {}],
    ['is disputed', { status: 'disputed', endedBlock: 8n, deadline: BigInt(NOW - 10) }],
  ] as const)('what %s is asked for until somebody has it', async (_what, changes) => {
    const { index, contents, pass } = await plugin()
    index.add('inferenceRequest', requestRow(1, { ...named, ...changes }))
    pass()
    await vi.waitFor(() => expect(contents.asked).toEqual([hash]), until)
    contents.elsewhere(bytes)
    await vi.waitFor(() => {
      pass()
      expect(contents.held()).toEqual([hash])
    }, until)
    await vi.waitFor(() => expect(contents.kept.map(([of]) => of)).toContain(hash), until)
  })

  test('what was answered, and can be challenged, is kept and not asked for', async () => {
    const { index, contents, pass } = await plugin()
    const gone = Uint8Array.of(1)
    await contents.put(bytes, { keepMs: 1 })
    index.add(
      'inferenceRequest',
      requestRow(1, { ...named, status: 'answered', endedBlock: 8n }),
      requestRow(2, {
        ...named,
        status: 'answered',
        endedBlock: 8n,
        inputHash: sha256(gone),
        inputLength: 1,
      }),
    )
    index.add('inferenceAnswer', answerRow(1), answerRow(2))
    pass()
    const keepUntil = (ORIGIN + 50 + 86_400) * 1_000
    await vi.waitFor(() => expect(contents.kept).toEqual([[hash, keepUntil]]), until)
    expect(contents.asked).toEqual([])
  })

  test.each([
    ['waits', {}],
    ['is disputed', { status: 'disputed', endedBlock: 8n }],
    ['was answered', { status: 'answered', endedBlock: 8n }],
  ] as const)(
    'what %s, and is here, is kept at the first look, in whatever flood',
    async (_what, changes) => {
      const { index, contents, pass } = await plugin()
      await contents.put(bytes, { keepMs: 1 })
      const nobodyHas = { ...named, ...changes, inputLength: 128 }
      for (let id = 1; id <= 2_000; id++)
        index.add('inferenceRequest', requestRow(id, { ...nobodyHas, inputHash: toHex(id, { size: 32 }) }))
      index.remove('inferenceRequest', ({ requestId }) => requestId === 1_250n)
      index.add('inferenceRequest', requestRow(1_250, { ...named, ...changes }))
      index.add('inferenceAnswer', answerRow(1_250))
      pass()
      await vi.waitFor(() => expect(contents.kept.map(([of]) => of)).toEqual([hash]), until)
    },
  )

  test('nothing is kept or asked for of what is over, is of no model here, or is no input of one', async () => {
    const { index, contents, pass } = await plugin()
    await contents.put(bytes, { keepMs: 1 })
    const other = sha256(Uint8Array.of(9))
    index.add(
      'inferenceRequest',
      requestRow(1, { ...named, status: 'final', endedBlock: 8n }),
      requestRow(2, { ...named, deadline: BigInt(NOW - 1), inputHash: other }),
      requestRow(3, { ...named, modelDigest: other, inputHash: other }),
      requestRow(4, { ...named, status: 'answered', endedBlock: 8n }),
      // Its length is not what it pays for.
      requestRow(5, { ...named, inputLength: bytes.length + 1 }),
      requestRow(6, named),
    )
    index.add('inferenceAnswer', answerRow(1), answerRow(4, { outcome: 3, values: [] }))
    pass()
    // Of the last alone: by then the others were looked at.
    await vi.waitFor(() => expect(contents.kept).toHaveLength(1), until)
    expect(contents.asked).toEqual([])
  })

  test('an index that does not answer is asked again', async () => {
    const { index, contents, pass } = await plugin()
    index.add('inferenceRequest', requestRow(1, named))
    index.setDown(true)
    pass()
    index.setDown(false)
    await vi.waitFor(() => {
      pass()
      expect(contents.asked).toContain(hash)
    }, until)
  })
})
