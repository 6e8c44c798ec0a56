import { request } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import { adminServer } from '../../../node/adapters/hono/admin-server.ts'
import { pinoLogger } from '../../../node/adapters/pino/pino-logger.ts'
import { prometheusMetrics } from '../../../node/adapters/prometheus/prometheus-metrics.ts'
import { nodeView } from './fixture.ts'

async function start(host = '127.0.0.1', allowRemote = false) {
  const log = pinoLogger({ level: 'info', format: 'json', destination: { write: () => {} } })
  const metrics = prometheusMetrics()
  const server = adminServer(
    { host, port: 0, allowRemote },
    { log, metrics, setLogLevel: log.setLevel, node: nodeView },
  )
  const { url } = await server.listen()
  onTestFinished(() => server.close(AbortSignal.abort()))
  return { url, log, metrics }
}

describe('admin server', () => {
  it('exposes metrics and readiness', async () => {
    const { url, metrics } = await start()
    metrics.counter({ name: 'iyi_x_total', help: 'X' }).inc()
    const scrape = await fetch(`${url}/metrics`)
    expect(scrape.headers.get('content-type')).toContain('text/plain')
    expect(await scrape.text()).toContain('iyi_x_total 1')
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({
      status: 'ok',
      id: 'node-1',
      ready: true,
    })
    expect((await fetch(`${url}/other`)).status).toBe(404)
  })

  it('changes the log level, and refuses nonsense', async () => {
    const { url, log } = await start()
    const put = (body: string) => fetch(`${url}/log-level`, { method: 'PUT', body })
    expect((await put('{"level":"debug"}')).status).toBe(200)
    expect(log.level()).toBe('debug')
    for (const body of ['{"level":"loud"}', '{"level":"warn","x":1}', 'x', ''])
      expect(await (await put(body)).json()).toMatchObject({ status: 400, code: 'HTTP_INVALID_REQUEST' })
    expect((await put('x'.repeat(5000))).status).toBe(413)
    expect(log.level()).toBe('debug')
  })

  it('stays on loopback and refuses rebound names', async () => {
    await expect(start('0.0.0.0')).rejects.toMatchObject({ code: 'GATEWAY_NOT_LOOPBACK' })
    const { url } = await start()
    const status = await new Promise<number | undefined>((resolve, reject) => {
      request(`${url}/metrics`, { headers: { host: 'evil.example' } }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
        .on('error', reject)
        .end()
    })
    expect(status).toBe(403)
  })

  it('lets others read, and only read, where the operator allowed it', async () => {
    const { url } = await start('0.0.0.0', true)
    const local = url.replace('0.0.0.0', '127.0.0.1')
    expect((await fetch(`${local}/metrics`)).status).toBe(200)
    const put = await fetch(`${local}/log-level`, { method: 'PUT', body: '{"level":"debug"}' })
    expect(put.status).toBe(404)
  })
})
