import { appendFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { PROJECT_ROOT } from '../../scripts/artifacts.ts'
import { progress } from '../../scripts/bootstrap/progress.mjs'
import { systemClock } from '../adapters/clock/system.ts'
import { pinoLogger } from '../adapters/pino/pino-logger.ts'
import { ponderSupervisor } from '../adapters/ponder/supervisor.ts'
import { startEmbeddedPostgres } from '../adapters/postgres/embedded.ts'
import { startGuardian } from '../adapters/process/guardian.ts'
import { prometheusMetrics } from '../adapters/prometheus/prometheus-metrics.ts'
import type { DevnetOptions } from '../cli/deps.ts'
import { Teardown } from '../compose/teardown.ts'
import { readManifest } from '../inference/manifest.ts'
import { goLive, startAnvil } from './anvil.ts'
import { children } from './children.ts'
import { buildContracts, contractsAreBuilt } from './contracts-build.ts'
import { type DevnetDescription, readyTable, writeDescription } from './description.ts'
import { DevnetError } from './errors.ts'
import { market, processSchema } from './market/process.ts'
import { seededRandom } from './market/random.ts'
import { simulator, traderAccount } from './market/simulator.ts'
import { deployNetwork } from './network.ts'
import { portPlan, requireFreePorts } from './port-plan.ts'
import { standing, waitUntilReady } from './readiness.ts'
import { makeValidators, writeConfigs } from './validators.ts'
import { takeWorkspace } from './workspace.ts'

/** Bars of market history before the present: an hour for the model's window, and some more. */
const HISTORY_BARS = 370
const BAR_SECONDS = 10
/** All that a clean stop may take. */
const STOP_MS = 13_000
const VIEWS_SCHEMA = 'iyi_index'

/**
 * Runs a whole network on this machine, in the foreground, until `signal` aborts or a part that the others can't do
 * without ends.
 * @throws DevnetError
 */
export async function runDevnet(
  options: DevnetOptions,
  modules: { stdout: { write(text: string): unknown }; signal: AbortSignal },
): Promise<void> {
  const began = Date.now()
  const ports = portPlan(options.validators, options.portBase)
  const workspace = takeWorkspace(resolve(options.dir ?? join('.iyi', 'devnet')))
  const teardown = new Teardown()
  teardown.add('workspace', () => workspace.release())
  const { stdout, signal } = modules
  const at = (...path: string[]) => join(workspace.dir, ...path)
  let up = false
  try {
    const bar = progress()
    await freePorts(ports, workspace.afterCrash)
    if (!contractsAreBuilt()) await bar.step('compile the contracts', buildContracts)
    signal.throwIfAborted()

    const log = pinoLogger({ level: 'info', format: 'json', destination: logFile(at('logs', 'devnet.log')) })
    const guard = startGuardian({ log })
    teardown.add('guardian', () => guard.close())
    const programs = children({ logDir: at('logs') }, { guard })
    const pids: Record<string, number> = { devnet: process.pid }
    const fatal = Promise.withResolvers<never>()
    fatal.promise.catch(() => {})
    // While the network comes up every program is needed; later a validator may go, as validators do.
    programs.onEnd((child) => {
      if (signal.aborted) return
      const validator = /^validator-(\d+)$/.exec(child.name)?.[1]
      if (!up || validator === undefined) return fatal.reject(partEnded(child.name, child.logFile))
      void standing({ ports }).then((line) =>
        stdout.write(
          `${child.name} ended (${child.ended}). ${line}. Start it again: ${startCommands[Number(validator)]}\n`,
        ),
      )
    })

    const now = Math.floor(Date.now() / 1000)
    const genesisTime = now - (HISTORY_BARS + 30) * BAR_SECONDS
    const [postgres, ...chains] = await bar.step('start PostgreSQL and two chains', () =>
      Promise.all([
        startEmbeddedPostgres({ dataDir: at('postgres'), port: ports.postgres }, { guard, log }),
        ...(['chain-a', 'chain-b'] as const).map((name, index) =>
          startAnvil(
            {
              id: 31_337 + index,
              name,
              port: ports.chains[index] ?? 0,
              genesisTime,
              stateDir: at('chains', name),
            },
            { children: programs },
          ),
        ),
      ]),
    )
    teardown.add('postgres', () => postgres.stop())
    pids.postgres = postgres.pid
    void postgres.exited.then(() => fatal.reject(partEnded('postgres', at('logs', 'devnet.log'))))
    for (const chain of chains) {
      teardown.add(chain.name, async () => {
        await programs.stop(chain.name, 2_000)
        // Thousands of blocks in files that nobody reads again.
        rmSync(at('chains', chain.name), { recursive: true, force: true })
      })
      pids[chain.name] = chain.pid
    }

    const validators = await makeValidators({ dir: workspace.dir, count: options.validators })
    const startCommands = validators.map(
      ({ configPath }) => `npx iyi start --config ${relative(process.cwd(), configPath)}`,
    )
    const manifest = readManifest(join(PROJECT_ROOT, 'models', 'manifest.json'))
    const network = await bar.step('deploy the contracts', () =>
      deployNetwork({ chains, validators, manifest }),
    )

    const parameters = processSchema.parse(
      JSON.parse(readFileSync(join(PROJECT_ROOT, 'models', 'volatility', 'process.json'), 'utf8')),
    )
    const random = seededRandom(options.seed ?? 1)
    const venues = await Promise.all(
      network.venues.map(async (venue) => ({ ...venue, account: await traderAccount(venue.chain) })),
    )
    const trading = simulator(
      { venues, market: market(parameters, venues.length, random) },
      { onError: (error) => log.warn({ err: error }, 'a simulated trade failed; try again next second') },
    )
    await bar.step('trade an hour of market history', async () => {
      await trading.writeHistory({
        bars: HISTORY_BARS,
        barSeconds: BAR_SECONDS,
        until: Math.floor(Date.now() / 1000) - 2,
      })
      await Promise.all(chains.map(goLive))
    })
    trading.start()
    teardown.add('market', () => trading.stop())
    signal.throwIfAborted()

    writeConfigs(validators, {
      ports,
      chains,
      databaseUrl: withoutPassword(postgres.url),
      databasePasswordFile: `${at('postgres')}.password`,
      viewsSchema: VIEWS_SCHEMA,
      oracle: network.oracleConfig,
    })
    const ponder = ponderSupervisor(
      {
        root: join(PROJECT_ROOT, 'indexer'),
        dir: at('index'),
        schemaPrefix: VIEWS_SCHEMA,
        databaseUrl: postgres.url,
        viewsSchema: VIEWS_SCHEMA,
        port: ports.ponder,
        config: { chains: network.indexedChains, contracts: network.indexedContracts },
      },
      { guard, log, clock: systemClock, metrics: prometheusMetrics() },
    )
    await bar.step(`index the history and start ${options.validators} validators`, async () => {
      teardown.add('ponder', () => ponder.stop(AbortSignal.timeout(4_000)))
      await ponder.start()
      for (const validator of validators) {
        const name = `validator-${validator.index}`
        const { pid } = programs.spawn(
          name,
          process.execPath,
          [join(PROJECT_ROOT, 'node', 'main.ts'), 'start', '--config', validator.configPath],
          { channel: true },
        )
        pids[name] = pid
      }
      teardown.add('validators', async () => {
        await Promise.all(validators.map(({ index }) => programs.stop(`validator-${index}`, 8_000)))
      })
      await Promise.race([
        waitUntilReady({ ports, feeds: network.feeds, logs: at('logs'), signal }),
        fatal.promise,
      ])
    })
    const ponderPid = ponder.pid()
    if (ponderPid !== null) pids.ponder = ponderPid

    const description: DevnetDescription = {
      api: ports.api.map((port) => `http://127.0.0.1:${port}`),
      admin: ports.admin.map((port) => `http://127.0.0.1:${port}`),
      peers: validators.map(({ index, peerId }) => `/ip4/127.0.0.1/tcp/${ports.p2p[index]}/p2p/${peerId}`),
      chains: chains.map(({ id, name, url }) => ({ id, name, rpc: url })),
      contracts: network.contracts,
      feeds: network.feeds,
      pids,
      start: startCommands,
    }
    writeDescription(at('devnet.json'), description)
    // A description of what is gone would mislead programs.
    teardown.add('description', () => rmSync(at('devnet.json'), { force: true }))
    stdout.write(
      readyTable(description, {
        seconds: Math.round((Date.now() - began) / 1000),
        path: relative(process.cwd(), at('devnet.json')),
        logs: relative(process.cwd(), at('logs')),
        n: options.validators,
        f: network.f,
      }),
    )
    up = true
    await Promise.race([aborted(signal), fatal.promise])
    stdout.write('stopping ...\n')
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    await teardown.run({
      timeoutMs: STOP_MS,
      onFault: (name, error) => stdout.write(`${name} did not stop: ${error}\n`),
    })
    if (up) stdout.write('stopped\n')
  }
}

/** Written at once, so that the last lines before a crash are there. */
function logFile(path: string): { write(line: string): void } {
  mkdirSync(dirname(path), { recursive: true })
  return { write: (line) => appendFileSync(path, line, { mode: 0o600 }) }
}

/** After a crash the guardian needs some seconds to end what was left; anybody else's port is an error at once. */
async function freePorts(ports: ReturnType<typeof portPlan>, afterCrash: boolean): Promise<void> {
  const deadline = Date.now() + (afterCrash ? 15_000 : 0)
  for (;;) {
    try {
      return await requireFreePorts(ports)
    } catch (error) {
      if (Date.now() >= deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
  }
}

function partEnded(part: string, log: string): DevnetError {
  return new DevnetError(
    'DEVNET_PART_ENDED',
    `${part} ended, and the network can't go on without it; see ${log}`,
    { part },
  )
}

function withoutPassword(url: string): string {
  const parsed = new URL(url)
  parsed.password = ''
  return parsed.href
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
