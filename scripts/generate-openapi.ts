/**
 * Writes docs/openapi.json: the node's own routes and those of every plugin that comes with it, from the code that
 * serves them. Nothing listens and nothing is read or written but that one file.
 *
 *   node scripts/generate-openapi.ts          write docs/openapi.json
 *   node scripts/generate-openapi.ts --check  write nothing; exit with 1 when it is out of date
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../node/adapters/clock/system.ts'
import { gateway } from '../node/adapters/hono/gateway.ts'
import { pinoLogger } from '../node/adapters/pino/pino-logger.ts'
import { prometheusMetrics } from '../node/adapters/prometheus/prometheus-metrics.ts'
import { builtinPlugins } from '../node/compose/builtin.ts'
import { version } from '../node/compose/version.ts'
import { pluginHost } from '../node/kernel/host.ts'
import { IyiError } from '../node/ports/errors.ts'
import { PROJECT_ROOT } from './artifacts.ts'

const PATH = join('docs', 'openapi.json')

/** The text of docs/openapi.json. Rejects with what a plugin's `setup` throws when it does more than build. */
export async function generateOpenApi(): Promise<string> {
  const common = {
    log: pinoLogger({ level: 'silent', format: 'json' }),
    metrics: prometheusMetrics(),
    clock: systemClock,
  }
  const http = gateway(
    { host: '127.0.0.1', port: 0, corsOrigins: [], maxBodyBytes: 1_048_576, version },
    {
      ...common,
      custom: { tables: () => [], rows: refuse },
      alerts: { list: refuse },
      graphql: { execute: refuse, sdl: refuse },
      undecoded: { status: refuse, logs: refuse },
      series: { list: refuse, candles: refuse, rolling: refuse, knownUntil: refuse },
      node: {
        identity: refuse,
        freshness: refuse,
        readiness: refuse,
        plugins: refuse,
        peers: refuse,
        trust: refuse,
        chainEvidence: refuse,
        oneChainEvidence: refuse,
        duties: refuse,
        offences: refuse,
        offence: refuse,
      },
    },
  )
  const host = pluginHost(
    {
      // With its default settings and all that it asks for, as an operator would grant it.
      plugins: [...builtinPlugins.values()].map((plugin) => ({
        plugin,
        source: plugin.provides.id,
        grants: plugin.needs,
        config: {},
      })),
    },
    {
      ...common,
      capabilities: {
        'chain.read': () => ({
          chains: refuse,
          head: refuse,
          finalized: refuse,
          block: refuse,
          call: refuse,
          logs: refuse,
          transaction: refuse,
          receipt: refuse,
          balance: refuse,
        }),
        'chain.trust': () => ({ agreed: refuse, halts: refuse, waitFor: refuse }),
        'chain.write': () => ({ address: '0x0000000000000000000000000000000000000000', send: refuse }),
        'index.read': () => ({ select: refuse, freshness: refuse, waitFor: refuse }),
        events: () => ({ subscribe: refuse, read: refuse }),
        quorum: () => ({ register: () => ({ status: refuse, evidence: refuse }) }),
        'http.routes': ({ id, routes }) => http.routes({ id, roots: routes }),
        store: () => ({ migrate: refuse, query: refuse, batch: refuse }),
        inference: () => ({ models: refuse, run: refuse, drift: refuse }),
        contents: () => ({
          put: refuse,
          held: refuse,
          sizeOf: refuse,
          read: refuse,
          fetch: refuse,
          keep: refuse,
        }),
      },
    },
  )
  await host.setup()
  const text = `${JSON.stringify(http.document(), null, 2)}\n`
  await host.stop('the description is complete')
  return text
}

/** `setup` is without I/O by contract: what it calls here, it must not call at all. */
function refuse(): never {
  throw new IyiError('OPENAPI_NOT_INERT', 'a plugin used a capability in setup(): move that to start()', {
    data: null,
  })
}

if (import.meta.main) {
  const text = await generateOpenApi()
  const path = join(PROJECT_ROOT, PATH)
  if (!process.argv.includes('--check')) await writeFile(path, text)
  else if ((await readFile(path, 'utf8').catch(() => undefined)) !== text) {
    process.stderr.write(`${PATH} is out of date: run \`npm run generate\`\n`)
    process.exitCode = 1
  }
}
