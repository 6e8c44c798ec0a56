import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maskPassword, maskUrl } from '../../node/config/mask-url.ts'
import { redact } from '../../node/config/redact.ts'
import { minimal, parse } from './config-cases.ts'

describe('what is shown of a configuration', () => {
  test.each([
    ['https://rpc.example.org', 'https://rpc.example.org/'],
    ['https://mainnet.example.io/v3/0123456789abcdef0123456789abcdef', 'https://mainnet.example.io/v3/***'],
    ['https://example.io/rpc?apikey=s3cret&x=1', 'https://example.io/rpc?apikey=***&x=***'],
    ['https://user:pass@example.io/eth#frag', 'https://***@example.io/eth#***'],
    ['not a url', '***'],
  ])('%s becomes %s', (url, shown) => {
    expect(maskUrl(url)).toBe(shown)
  })

  test('a database url keeps its place and loses its password', () => {
    expect(maskPassword('postgres://iyi:pw@db:5432/iyi?sslmode=require&sslpassword=pw2')).toBe(
      'postgres://iyi:***@db:5432/iyi?sslmode=require&sslpassword=***',
    )
  })

  test('holds no secret wherever one may stand', () => {
    const secret = 'S3cretS3cret'
    const { config } = parse(
      {
        chains: [{ ...minimal.chains[0], rpc: [`https://u:${secret}@a.example/v2/${secret}?key=${secret}`] }],
        plugins: [
          {
            use: 'x',
            config: {
              apiKey: secret,
              nested: [{ password: secret }, `https://a.example/${secret}`],
              webhookToken: secret,
              feed: 'ETH / USD',
            },
          },
        ],
      },
      { DATABASE_URL: `postgres://iyi:${secret}@db/iyi` },
    )
    const shown = redact(config)
    expect(JSON.stringify(shown)).not.toContain(secret)
    expect(shown.plugins[0]?.config.feed).toBe('ETH / USD')
    expect(shown.database.url).toContain('@db/iyi')
    expect(JSON.stringify(config)).toContain(secret)
  })

  test('no path segment, query value or user of a URL that could be a key is ever shown', () => {
    // Keys hold an upper-case letter and a digit, which no ordinary word of a path does.
    const key = fc.stringMatching(/^[A-Za-z0-9]{4,40}$/).map((text) => `K9${text}`)
    fc.assert(
      fc.property(key, fc.constantFrom('/', '/v2/', '/rpc/eth/', '/?k='), (text, before) => {
        expect(maskUrl(`https://${text}:${text}@a.example${before}${text}#${text}`)).not.toContain(text)
      }),
    )
  })
})
