import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { InferenceSession } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answer, openModel } from '../../models/tools/session.ts'
import { exportSeed, featureMatrix } from '../../models/transfer-risk/export-features.ts'
import { readFixture, simulatedFixture } from '../../models/transfer-risk/fixture.ts'
import { transferRisk } from '../../models/transfer-risk/model.ts'
import { SMALL, simulate } from '../../models/transfer-risk/simulate.ts'
import { PATTERNS } from '../../models/transfer-risk/world.ts'
import { FEATURES, FEATURES_VERSION } from '../../node/features/transfer-features.ts'
import { TransferStream } from '../../node/features/transfer-stream.ts'

describe('training and serving', () => {
  const { transfers, matrix, version } = readFixture()

  it('give the same bits for the same transfers', () => {
    expect(version).toBe(FEATURES_VERSION)
    expect(matrix.length).toBe(transfers.length * FEATURES.length)
    const stream = new TransferStream()
    for (const [i, { transfer }] of transfers.entries())
      expect(stream.push(transfer), `transfer ${i}`).toEqual(
        matrix.slice(i * FEATURES.length, (i + 1) * FEATURES.length),
      )
  })

  it('write that matrix and its labels for Python to read', () => {
    const folder = mkdtempSync(join(tmpdir(), 'transfer-risk-'))
    try {
      exportSeed(pathToFileURL(`${folder}/`), 7, transfers)
      const features = readFileSync(join(folder, '7.features'))
      expect(features.equals(Buffer.from(matrix.buffer))).toBe(true)
      const labels = [...readFileSync(join(folder, '7.labels'))]
      expect(labels.map((label) => PATTERNS[label])).toEqual(transfers.map(({ pattern }) => pattern))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('the simulated economy', () => {
  it('is the same for the same seed, on every machine', () => {
    expect(simulatedFixture()).toEqual(readFixture().transfers)
  })

  it('is another one for another seed, in the order of the chain, with every pattern', () => {
    const transfers = simulate(31, { ...SMALL, days: 6 })
    expect(transfers).not.toEqual(simulate(32, { ...SMALL, days: 6 }))
    expect(new Set(transfers.map(({ pattern }) => pattern))).toEqual(new Set(PATTERNS))
    expect(() => featureMatrix(transfers)).not.toThrow()
    expect(transfers.every(({ transfer: { from, to, value } }) => value > 0n && from !== to)).toBe(true)
  })
})

describe('transfer-risk model', () => {
  let session: InferenceSession
  beforeAll(async () => {
    session = await openModel(transferRisk)
  })
  afterAll(() => session.release())

  it('ranks the planted patterns above honest transfers, in an economy of another size', async () => {
    const transfers = simulate(77, { ...SMALL, days: 10 })
    const risks = await answer(transferRisk, session, {
      shape: [transfers.length, FEATURES.length],
      data: featureMatrix(transfers),
    })
    const of = (honest: boolean) => risks.filter((_, i) => (transfers[i]?.pattern === 'honest') === honest)
    const [good, bad] = [of(true), of(false)]
    expect(risks.every((risk) => risk >= 0 && risk <= 1)).toBe(true)
    // The chance that a random abusive transfer scores above a random honest one (area under the ROC curve).
    const wins = bad.reduce((total, high) => total + good.filter((low) => low < high).length, 0)
    expect(wins / (good.length * bad.length)).toBeGreaterThan(0.9)
  })
})
