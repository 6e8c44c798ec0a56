import { resolve } from 'node:path'
import pg from 'pg'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Health } from '../../ports/health.ts'
import type { Logger } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { ProcessGuard } from '../../ports/process.ts'
import { buildFolder } from './build-folder.ts'
import { indexSchema } from './build-id.ts'
import { BuildLock } from './build-lock.ts'
import { planBuilds } from './build-plan.ts'
import { Estimate } from './build-progress.ts'
import {
  addBuild,
  createBuildList,
  dropBuild,
  noteProgress,
  readBuilds,
  refuseBuild,
  type StoredBuild,
} from './build-store.ts'
import { builtContracts, saysAllOf } from './built-contracts.ts'
import { installedPonder } from './child.ts'
import { type Comparison, compareAdded, compareChanging, hasCaughtUp } from './compare-builds.ts'
import { flipViews } from './flip.ts'
import type { IndexerConfig } from './indexer-config.ts'
import { checkedSchema } from './names.ts'
import { removeOtherCopies } from './program-copy.ts'
import { type PonderRunner, ponderRunner } from './runner.ts'
import { secondPort } from './second-port.ts'

export interface PonderSupervisorOptions {
  /** The indexer's folder. */
  readonly root: string
  readonly databaseUrl: string
  readonly config: IndexerConfig
  /** Where each build has a folder of its own: its program and its configuration, readable by this account only. */
  readonly dir: string
  /** Each build has a schema `<prefix>_<build id>` of its own. */
  readonly schemaPrefix: string
  /** The schema of views of the build that is live. */
  readonly viewsSchema: string
  /** Of Ponder's own server on the loopback interface; a second one beside it takes a free port. */
  readonly port: number
  /** What tells two chains of one id apart, such as genesis hashes of development chains. */
  readonly identities?: readonly string[]
  /** Told once of each chain that was reorganised deeper than Ponder can follow; see `PonderRunnerOptions`. */
  readonly onDeepReorg?: (chainId: number, reason: string) => void
}

export interface PonderSupervisorModules {
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  readonly guard: ProcessGuard
}

export interface PonderSupervisor {
  /** The schema of the build that this program and configuration make. */
  readonly schema: string
  /** Starts what has to run; resolves once it was started. Rejects with `INDEX_MANAGED_ELSEWHERE`, or the database's error. */
  start(): Promise<void>
  /** Asks all to end; when `deadline` aborts, ends them. Resolves when they are gone. */
  stop(deadline: AbortSignal): Promise<void>
  /** Ends the live build's Ponder, which stands still; it is started again. False when it does not run or is not ready. */
  restart(why: string): boolean
  health(): Health
  /** Process id of the live build's Ponder, or of the one that is built first; null between two runs. */
  pid(): number | null
}

const TICK_MS = 500
/** After so long without both builds at one block, rows that change are not compared. */
const TOGETHER_MS = 60_000
/** Of a connection that went silent. A comparison's statements take a chunk of blocks each. */
const QUERY_MS = 120_000

/**
 * Keeps the index in builds. Another program or configuration makes another build, with a schema of its own, while the live
 * one goes on and is read; when it has caught up and says the same where nothing changed, the views move to it in one
 * transaction. The build before is kept for `iyi db rollback`. What happens is in the database step by step, so
 * whoever starts next, after a crash at any moment, goes on with it.
 *
 * Throws `INDEX_BAD_OPTIONS` for names that can't be schemas.
 */
export function ponderSupervisor(
  options: PonderSupervisorOptions,
  modules: PonderSupervisorModules,
): PonderSupervisor {
  return new Supervisor(options, modules)
}

class Supervisor implements PonderSupervisor {
  readonly schema: string
  readonly #options: PonderSupervisorOptions
  readonly #modules: PonderSupervisorModules
  readonly #viewsSchema: string
  readonly #pool: pg.Pool
  readonly #lock: BuildLock
  readonly #runners = new Map<string, PonderRunner>()
  readonly #estimate = new Estimate()
  readonly #restarts
  readonly #progress
  readonly #flips
  #builds: readonly StoredBuild[] = []
  #timer: Timer | null = null
  #ticking: Promise<void> = Promise.resolve()
  #stopping = false
  /** What was added was compared, and is equal; since then the others are. */
  #added: { readonly atMs: number; readonly rows: number } | null = null
  /** A live build without a program, which was told of. */
  #still: string | null = null
  #trouble: string | null = null

  constructor(options: PonderSupervisorOptions, modules: PonderSupervisorModules) {
    this.#options = options
    this.#modules = modules
    this.#viewsSchema = checkedSchema(options.viewsSchema)
    this.schema = indexSchema({
      prefix: options.schemaPrefix,
      root: resolve(options.root),
      ponderVersion: installedPonder().version,
      config: options.config,
      ...(options.identities === undefined ? {} : { identities: options.identities }),
    })
    this.#pool = new pg.Pool({
      connectionString: options.databaseUrl,
      max: 3,
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
      query_timeout: QUERY_MS,
      application_name: 'iyi index builds',
    })
    // A connection that breaks while nobody uses it: the next statement says so.
    this.#pool.on('error', () => {})
    this.#lock = new BuildLock(this.#viewsSchema, this.#pool)
    const { metrics } = modules
    this.#restarts = metrics.counter({
      name: 'iyi_index_restarts_total',
      help: 'Times the indexer was started again.',
    })
    this.#progress = metrics.gauge({
      name: 'iyi_index_build_progress_ratio',
      help: 'Share of the blocks that a new build of the index has read; 1 when none is made.',
    })
    this.#flips = metrics.counter({
      name: 'iyi_index_flips_total',
      help: 'Times the views of the index moved to another build.',
    })
  }

  async start(): Promise<void> {
    const { config, identities = [], root } = this.#options
    try {
      await this.#lock.take()
    } catch (error) {
      await this.#pool.end()
      throw error
    }
    await createBuildList(this.#pool, this.#viewsSchema)
    const contracts = builtContracts({ config, identities, root })
    await addBuild(this.#pool, this.#viewsSchema, { schema: this.schema, contracts })
    await this.#look()
  }

  async stop(deadline: AbortSignal): Promise<void> {
    if (this.#stopping) return
    this.#stopping = true
    this.#timer?.cancel()
    // A step may wait for the database; the children need not wait for it.
    await Promise.all([...this.#runners.values()].map((runner) => runner.stop(deadline)))
    await unlessLate(this.#ticking, deadline)
    // One that was started in that very step.
    await Promise.all([...this.#runners.values()].map((runner) => runner.stop(deadline)))
    this.#lock.release()
    await unlessLate(this.#pool.end(), deadline)
  }

  restart(why: string): boolean {
    const live = this.#builds.find(({ state }) => state === 'live')
    return live !== undefined && (this.#runners.get(live.schema)?.restart(why) ?? false)
  }

  health(): Health {
    const live = this.#builds.find(({ state }) => state === 'live')
    const ours = this.#builds.find(({ schema }) => schema === this.schema)
    if (this.#trouble !== null) return { status: 'degraded', reason: this.#trouble }
    const running = this.#runners.get(live?.schema ?? this.schema)?.health()
    if (running !== undefined && running.status !== 'ok') return running
    if (ours?.state === 'refused' || ours?.state === 'rolled-back')
      return { status: 'degraded', reason: `build ${this.schema} is not read: ${ours.note}` }
    const building = ours?.state === 'building' ? this.#runners.get(this.schema)?.health() : undefined
    if (building?.status === 'failed') return building
    const detail = describe(live, ours)
    return live === undefined ? { status: 'degraded', reason: detail } : { status: 'ok', detail }
  }

  pid(): number | null {
    const live = this.#builds.find(({ state }) => state === 'live')
    return this.#runners.get(live?.schema ?? this.schema)?.pid() ?? null
  }

  #schedule(): void {
    this.#timer = this.#modules.clock.setTimer(TICK_MS, () => void this.#look())
  }

  /** What fails is told, and tried again: a build that can't go on must not keep the node from being up. */
  #look(): Promise<void> {
    this.#ticking = this.#tick()
      .then(() => {
        if (this.#trouble !== null) this.#modules.log.info({}, 'Look after the builds of the index again')
        this.#trouble = null
      })
      .catch((error: unknown) => {
        const why = error instanceof Error ? error.message : String(error)
        if (this.#trouble === null)
          this.#modules.log.warn({ err: error }, 'Fail to look after the builds of the index, keep trying')
        this.#trouble = `can't look after the builds of the index: ${why}`
      })
      .finally(() => {
        if (!this.#stopping) this.#schedule()
      })
    return this.#ticking
  }

  /** One look at the list of builds, and one step towards what it should be. */
  async #tick(): Promise<void> {
    if (this.#stopping) return
    await this.#lock.take()
    this.#builds = await readBuilds(this.#pool, this.#viewsSchema)
    const plan = planBuilds(this.#builds, this.schema)
    for (const [schema, runner] of this.#runners) {
      if (plan.run.includes(schema)) continue
      await runner.stop(AbortSignal.timeout(5_000))
      this.#runners.delete(schema)
    }
    for (const schema of plan.run) await this.#run(schema)
    if (plan.next === null) this.#progress.set(1)
    else await this.#build(plan.next)
    for (const schema of plan.drop)
      if (await dropBuild(this.#pool, this.#viewsSchema, schema))
        this.#modules.log.info({ schema }, 'Drop a build of the index that nobody goes back to')
    if (plan.drop.length > 0) this.#builds = await readBuilds(this.#pool, this.#viewsSchema)
    removeOtherCopies(
      this.#options.dir,
      this.#builds.map(({ schema }) => schema),
    )
  }

  async #run(schema: string): Promise<void> {
    if (this.#stopping || this.#runners.has(schema)) return
    const { dir, root, config, databaseUrl, onDeepReorg } = this.#options
    const folder = buildFolder({ dir, schema, ours: this.schema, root, config })
    if (folder === null) {
      // It can be read, and gets old: freshness says so until the new one takes over.
      if (this.#still !== schema)
        this.#modules.log.warn(
          { schema },
          'The program of the live build is gone: it stands still until the next is ready',
        )
      this.#still = schema
      return
    }
    const { clock, log, guard } = this.#modules
    const port = this.#runners.size === 0 ? this.#options.port : await secondPort()
    const runner = ponderRunner(
      { ...folder, databaseUrl, schema, port, ...(onDeepReorg === undefined ? {} : { onDeepReorg }) },
      { clock, log, guard, restarts: this.#restarts },
    )
    this.#runners.set(schema, runner)
    await runner.start()
  }

  /** Sees to the build that is being made: how far it is, and whether it may take over. */
  async #build(schema: string): Promise<void> {
    const runner = this.#runners.get(schema)
    if (runner?.ready() !== true) {
      this.#added = null
      await this.#noteProgress(schema, runner?.progress() ?? null)
      return
    }
    const live = this.#builds.find(({ state }) => state === 'live')
    const next = this.#builds.find((build) => build.schema === schema)
    if (next === undefined) return
    if (live === undefined) return this.#takeOver(next, null, { rows: 0, notCompared: [] })
    if (!(await hasCaughtUp(this.#pool, live.schema, schema))) return
    const { clock } = this.#modules
    if (this.#added === null) {
      const added = await compareAdded(this.#pool, live, next)
      if (await this.#refusedFor(schema, added)) return
      this.#added = { atMs: clock.monotonic(), rows: rowsOf(added) }
    }
    const changing = await compareChanging(this.#pool, live, next)
    if (await this.#refusedFor(schema, changing)) return
    const pending = changing.filter(({ result }) => result === 'pending').map(({ table }) => table)
    if (pending.length > 0 && clock.monotonic() - this.#added.atMs < TOGETHER_MS) return
    // A comparison takes its time: positions must not go back for readers.
    if (!(await hasCaughtUp(this.#pool, live.schema, schema))) return
    await this.#takeOver(next, live, {
      rows: this.#added.rows + rowsOf(changing),
      notCompared: [...new Set(pending)],
    })
  }

  async #takeOver(
    next: StoredBuild,
    live: StoredBuild | null,
    compared: { readonly rows: number; readonly notCompared: readonly string[] },
  ): Promise<void> {
    const same = live !== null && compared.notCompared.length === 0 && saysAllOf(live, next)
    await flipViews(this.#pool, {
      ...{ viewsSchema: this.#viewsSchema, to: next.schema, previous: 'kept' },
      note: `until ${next.schema} took over`,
      ...(same ? { lineage: live.lineage } : {}),
    })
    this.#flips.inc()
    const { rows, notCompared } = compared
    this.#modules.log.info(
      { from: live?.schema, to: next.schema, comparedRows: rows, notCompared },
      'Read another build of the index from now on',
    )
  }

  /** True when rows differ: an operator has to look. */
  async #refusedFor(schema: string, compared: readonly Comparison[]): Promise<boolean> {
    const different = compared.filter(({ result }) => result === 'different')
    if (different.length === 0) return false
    const tables = different.map(({ table, chainId }) => `${table} of chain ${chainId}`).join(', ')
    const note = `it has other rows than the live build where nothing changed (${tables}): look at the log, then \`iyi db rollback --to ${schema}\` to read it all the same, or go back to what ran before`
    await refuseBuild(this.#pool, this.#viewsSchema, { schema, note })
    const examples = different.map(({ table, chainId, examples }) => ({ table, chainId, examples }))
    this.#modules.log.error({ schema, different: examples }, 'Refuse a build of the index: its rows differ')
    return true
  }

  async #noteProgress(schema: string, progress: number | null): Promise<void> {
    if (progress === null) return
    this.#progress.set(progress)
    const { secondsLeft } = this.#estimate.at(this.#modules.clock.monotonic(), progress)
    await noteProgress(this.#pool, this.#viewsSchema, { schema, progress, secondsLeft })
  }
}

function rowsOf(compared: readonly Comparison[]): number {
  return compared.filter(({ result }) => result === 'equal').reduce((sum, { rows }) => sum + rows, 0)
}

async function unlessLate(work: Promise<unknown>, deadline: AbortSignal): Promise<void> {
  const late = new Promise<void>((resolve) => {
    if (deadline.aborted) resolve()
    else deadline.addEventListener('abort', () => resolve(), { once: true })
  })
  await Promise.race([work.catch(() => {}), late])
}

function describe(live: StoredBuild | undefined, ours: StoredBuild | undefined): string {
  const parts = [
    live === undefined ? 'no build of the index can be read yet' : `build ${live.schema} is read`,
  ]
  if (ours?.state === 'building') {
    const share = ours.progress === null ? '' : `, ${Math.floor(ours.progress * 100)} % read`
    const left = ours.secondsLeft === null ? '' : `, about ${ours.secondsLeft} s left`
    parts.push(`${ours.schema} is made${share}${left}`)
  }
  return parts.join('; ')
}
