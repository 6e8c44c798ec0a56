import type { Env } from '../config/env.ts'
import type { ConfigSource } from '../config/load.ts'
import type { NodeConfig } from '../config/schema.ts'
import type { CustomContract } from '../ports/custom-tables.ts'
import type { EventConsumerStatus, EventDeadLetter } from '../ports/event-admin.ts'
import type { ExportFilter, ExportFormat, ExportSummary } from '../ports/export.ts'
import type { IndexBuild } from '../ports/index-builds.ts'
import type { OutboxDeadLetter, OutboxStatus } from '../ports/outbox.ts'
import type { OffenceRecord } from '../ports/quorum.ts'
import type { ModelDeps } from './model-deps.ts'

export interface TextSink {
  write(text: string): unknown
}

/** Where a person types; `process.stdin` is one. */
export interface TextSource extends NodeJS.ReadableStream {
  readonly isTTY?: boolean
  setRawMode?(on: boolean): unknown
}

/** What starting a node needs besides its configuration. */
export interface StartContext {
  readonly source: ConfigSource
  readonly env: Env
  /** The keystores' password: environment, password file, or the terminal is asked. Rejects with `CliError` or `ConfigError`. */
  keysPassword(): Promise<string>
}

export interface DevnetOptions {
  /** First of a block of ports for the whole network; its usual ports when absent. */
  readonly portBase?: number
  /** Folder for all that the network writes; a folder of its own under the current one when absent. */
  readonly dir?: string
  readonly validators: number
  /** Makes the path of the simulated market repeatable. */
  readonly seed?: number
}

/** One key as it may be shown. */
export interface KeystoreSummary {
  /** What it is for: `consensus`, `report`, ... */
  readonly role: string
  /** Its public side: an address or a public key. */
  readonly identity: string
  readonly file: string
  /** The same identity in another form that an operator needs, said in words. */
  readonly note?: string
}

/** One plugin as `config check` shows it. */
export interface CheckedPlugin {
  readonly id: string
  readonly version: string
  readonly summary: string
  readonly source: string
  readonly needs: readonly string[]
}

/** A signing history on its way out. */
export interface HistoryExport {
  /** The document; docs/signing-history.md describes it. */
  readonly text: string
  /** The keys sign nothing on this database any more. */
  readonly retired: boolean
  readonly keys: readonly { readonly keyId: string; readonly entries: number }[]
  /** Keys in the database that the node does not hold, and the document not either. */
  readonly otherKeys: readonly string[]
}

/** What an import did. */
export interface HistoryImport {
  /** When the document was made, ISO 8601. */
  readonly createdAt: string
  /** The database that it comes from signs nothing with these keys since then. */
  readonly retired: boolean
  readonly keys: readonly {
    readonly keyId: string
    readonly added: number
    readonly raised: number
    readonly unchanged: number
    /** It was retired here, and may sign again. */
    readonly reinstated: boolean
  }[]
  /** Signing keys of this node that the document does not name. */
  readonly uncovered: readonly string[]
}

/** The newest logs of a contract, held against its ABI. */
export interface AbiTrial {
  readonly logs: number
  /** Those that do not fit. */
  readonly misfits: number
  readonly first: { readonly event: string; readonly error: string } | null
  /** Addresses where there is no contract. */
  readonly codeless: readonly string[]
}

/** All that the verbs may do to the world. The composition root gives it. */
export interface CliDeps {
  /** Runs a node; resolves when it was stopped. */
  startNode(config: NodeConfig, context: StartContext): Promise<void>
  /** Runs the one-machine network; resolves when it was stopped. */
  runDevnet(options: DevnetOptions): Promise<void>
  /** Makes the keys of a validator in `dir`, encrypted; never overwrites one that exists. */
  createKeystores(options: {
    readonly dir: string
    readonly password: string
  }): Promise<readonly KeystoreSummary[]>
  /** The keys in `dir`, from their public parts; empty when there is no such folder. */
  listKeystores(options: { readonly dir: string }): Promise<readonly KeystoreSummary[]>
  /** Every key that a validator has, by its role. */
  readonly keyRoles: readonly string[]
  /** Loads every plugin's description and checks ids, grants and settings. Rejects with `PluginsRefusedError` or `KernelError`. */
  checkPlugins(config: NodeConfig, source: ConfigSource): Promise<readonly CheckedPlugin[]>
  /** What can be said of an offence from its own bytes. */
  judgeOffence(
    record: OffenceRecord,
  ):
    | { readonly valid: true; readonly proof: 'self' | 'witness' }
    | { readonly valid: false; readonly reason: string }
  /** The signing history of the keys that the node holds; `retire` ends their signing on this database. */
  exportSigningHistory(config: NodeConfig, options: { readonly retire: boolean }): Promise<HistoryExport>
  /** Takes over the signing history in a file, whole or not at all. */
  importSigningHistory(config: NodeConfig, options: { readonly file: string }): Promise<HistoryImport>
  /** The consumers of events on the node's database. */
  eventConsumers(config: NodeConfig): Promise<readonly EventConsumerStatus[]>
  /** Events that were put aside, of one consumer or of all. */
  eventDeadLetters(
    config: NodeConfig,
    options: { readonly consumer: string | null },
  ): Promise<readonly EventDeadLetter[]>
  /** Has dead letters delivered again, all of them without `ids`; resolves with how many. */
  retryEvents(
    config: NodeConfig,
    options: { readonly consumer: string; readonly ids: readonly bigint[] | null },
  ): Promise<number>
  /** Sets a consumer back on a chain; resolves with what it has before it then. */
  replayEvents(
    config: NodeConfig,
    options: { readonly consumer: string; readonly chainId: number; readonly fromBlock: bigint },
  ): Promise<{ readonly notices: bigint }>
  /** How far each target of the outbox is. */
  outboxStatus(config: NodeConfig): Promise<readonly OutboxStatus[]>
  /** Messages that a broker refused, of one target or of all. */
  outboxDeadLetters(
    config: NodeConfig,
    options: { readonly target: string | null },
  ): Promise<readonly OutboxDeadLetter[]>
  /** Has refused messages published again, all of them without `ids`; resolves with how many. */
  retryOutbox(
    config: NodeConfig,
    options: { readonly target: string; readonly ids: readonly bigint[] | null },
  ): Promise<number>
  /** Sets a target back; resolves with the number of the last message that it has then. */
  replayOutbox(
    config: NodeConfig,
    options: {
      readonly target: string
      readonly source: string
      readonly from: { readonly seq: bigint } | { readonly chainId: number; readonly block: bigint }
    },
  ): Promise<{ readonly seq: bigint }>
  /** Writes a table into a file, or to standard output for `-`. */
  exportTable(
    config: NodeConfig,
    source: ConfigSource,
    options: {
      readonly what: string
      readonly format: ExportFormat
      readonly out: string
      readonly force: boolean
      readonly filter: ExportFilter
    },
  ): Promise<ExportSummary>
  /** Builds of the index, oldest first. */
  indexBuilds(config: NodeConfig): Promise<readonly IndexBuild[]>
  /** Reads another build from now on: the one before, or the one named. */
  rollBackIndex(
    config: NodeConfig,
    options: { readonly to: string | null },
  ): Promise<{ readonly from: string | null; readonly to: string }>
  /** Recovers a chain from a reorganisation deeper than finality; the node must not run. */
  recoverIndex(
    config: NodeConfig,
    options: { readonly chainId: number },
  ): Promise<{ readonly chain: string; readonly ancestor: bigint | null; readonly reverted: number }>
  /** What `iyi model` does. */
  readonly models: ModelDeps
  /** How the newest logs of a contract fit its ABI; null where no provider answers. */
  tryAbi(config: NodeConfig, contract: CustomContract): Promise<AbiTrial | null>
  readonly stdin: TextSource
  readonly stdout: TextSink
  readonly stderr: TextSink
  readonly env: Env
  readonly version: string
}
