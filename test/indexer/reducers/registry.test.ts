import { describe, expect, it } from 'vitest'
import { modelRow, modelVersionRow } from '../../../indexer/src/reducers/registry.ts'
import { pool as address, place } from '../place.ts'

describe('registry reducers', () => {
  it('names a model by chain, registry and id', () => {
    const row = modelRow(place(), { modelId: 2n ** 200n, owner: address, name: 'Volatility 🌊' })
    expect(row).toEqual({
      id: `31337-${address.toLowerCase()}-${2n ** 200n}`,
      chainId: 31337,
      registry: address.toLowerCase(),
      modelId: 2n ** 200n,
      owner: address.toLowerCase(),
      name: 'Volatility 🌊',
      createdBlock: 7n,
    })
  })

  it('has a new version active', () => {
    const row = modelVersionRow(place(), {
      modelId: 1n,
      version: 2,
      manifestDigest: '0xAB',
      uri: 'ipfs://Qm',
    })
    expect(row).toMatchObject({
      id: `31337-${address.toLowerCase()}-1-2`,
      version: 2,
      manifestDigest: '0xab',
      uri: 'ipfs://Qm',
      active: true,
      createdBlock: 7n,
      timestamp: 1_700_000_003n,
    })
  })
})
