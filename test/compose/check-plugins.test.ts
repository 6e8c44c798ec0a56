import { expect, test } from 'vitest'
import { checkPlugins } from '../../node/compose/check-plugins.ts'
import { parseConfig } from '../../node/config/load.ts'

const feed = (model: string) => ({
  id: 'volatility',
  decimals: 8,
  contract: { chainId: 1, address: `0x${'11'.repeat(20)}` },
  source: {
    kind: 'model',
    model,
    pools: [
      { chainId: 1, address: `0x${'22'.repeat(20)}`, base: 'token0', baseDecimals: 18, quoteDecimals: 6 },
    ],
  },
})

function check(model: string, inference: object = {}) {
  const { config, source } = parseConfig({
    path: '/nowhere/iyi.yaml',
    value: {
      chains: [{ id: 1, name: 'one', rpc: ['http://127.0.0.1:1'] }],
      inference,
      plugins: [
        {
          use: 'oracle',
          grants: [
            'chain.read',
            'chain.trust',
            'index.read',
            'events',
            'quorum',
            'http.routes',
            'inference',
            'contents',
          ],
          config: { feeds: [feed(model)] },
        },
      ],
    },
  })
  return checkPlugins(config, source)
}

test('a feed may count on a model of the manifest, and on no other', async () => {
  await expect(check('volatility')).resolves.toMatchObject([{ id: 'oracle' }])
  await expect(check('crystal-ball')).rejects.toMatchObject({
    code: 'KERNEL_PLUGINS_REFUSED',
    data: { faults: [{ code: 'KERNEL_UNKNOWN_MODEL', path: 'feeds.0.source.model' }] },
  })
})

test('a manifest that is not there is told', async () => {
  await expect(check('volatility', { manifest: 'models.json' })).rejects.toMatchObject({
    code: 'INFERENCE_BAD_MANIFEST',
    message: expect.stringContaining('/nowhere/models.json'),
  })
})
