import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { findPackageJSON } from 'node:module'
import { Scalar } from '@scalar/hono-api-reference'
import type { Context } from 'hono'
import { problem } from './problem.ts'
import { referencePage, referenceStyle } from './reference-page.ts'

/**
 * Serves `GET /docs` without a byte from outside the node. Where `@scalar/api-reference` is installed, that is the
 * Scalar page with its script served from here; otherwise a plain page of the same description, without scripts.
 */
export function docsRoutes(
  app: { get(path: string, handler: (c: Context) => Response | Promise<Response>): void },
  document: () => object,
  bundle = scalarBundle(),
): void {
  if (bundle === null) {
    app.get('/docs', (c) => {
      c.header(
        'content-security-policy',
        `default-src 'none'; style-src '${referenceStyle.hash}'; frame-ancestors 'none'`,
      )
      return c.html(referencePage(document()))
    })
    return
  }
  app.get('/docs/scalar.js', async (c) => {
    const script = await readFile(bundle).catch(() => {
      throw problem(404, 'HTTP_NOT_FOUND', 'The documentation script is not installed any more.')
    })
    return c.body(new Uint8Array(script), 200, {
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=3600',
    })
  })
  app.get('/docs', (c) => scalarPage(c))
}

async function scalarPage(c: Context): Promise<Response> {
  const nonce = randomBytes(16).toString('base64')
  const page = Scalar({
    url: '/openapi.json',
    cdn: '/docs/scalar.js',
    bundle: false,
    pageTitle: 'IYI Node API',
    withDefaultFonts: false,
    nonce,
  })
  c.header(
    'content-security-policy',
    `default-src 'none'; script-src 'self' 'nonce-${nonce}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'`,
  )
  return (await page(c, async () => {})) ?? c.notFound()
}

function scalarBundle(): string | null {
  try {
    const manifest = findPackageJSON('@scalar/api-reference', import.meta.url)
    return manifest === undefined ? null : manifest.replace(/package\.json$/, 'dist/browser/standalone.js')
  } catch {
    return null
  }
}
