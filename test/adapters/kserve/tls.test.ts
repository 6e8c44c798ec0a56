import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { describeWith } from '../../installed.ts'
import { startBackend, TOKEN } from './kit.ts'

describeWith('openssl', 'https', (openssl) => {
  /** A server whose certificate nobody trusts yet, and the tokens that it got. */
  async function secureServer() {
    const folder = await mkdtemp(join(tmpdir(), 'iyi-kserve-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
    const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
    const made = spawnSync(openssl, ['req', '-x509', ...curve, '-keyout', key, '-out', cert, ...name])
    expect(made.status).toBe(0)
    const pem = await readFile(cert, 'utf8')
    const tokens: (string | undefined)[] = []
    const server = createServer({ key: await readFile(key), cert: pem }, (request, response) => {
      tokens.push(request.headers.authorization)
      response.end()
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    return { url: `https://localhost:${(server.address() as AddressInfo).port}`, pem, tokens }
  }

  test('a server with a certificate that is trusted gets the token; another one gets nothing', async () => {
    const { url, pem, tokens } = await secureServer()
    const away = await startBackend(url)
    expect(away.backend.health()).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT'),
    })
    expect(tokens).toEqual([])

    const usual = getCACertificates('default')
    setDefaultCACertificates([...usual, pem])
    onTestFinished(() => setDefaultCACertificates(usual))
    const { backend, logs } = await startBackend(url)
    expect(backend.health()).toEqual({ status: 'ok' })
    expect(tokens).toEqual([`Bearer ${TOKEN}`])
    expect(logs).toEqual([])
  })
})
