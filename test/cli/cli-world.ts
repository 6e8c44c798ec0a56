import { PassThrough } from 'node:stream'
import type { CliDeps, DevnetOptions, KeystoreSummary } from '../../node/cli/deps.ts'
import { runCli } from '../../node/cli/run.ts'
import { IyiError } from '../../node/ports/errors.ts'
import { judgeOffence } from '../../node/quorum/offence.ts'

/** A command line whose world is recorded: what was printed, and what the verbs asked for. */
export function cliWorld(over: Partial<CliDeps> = {}) {
  const out: string[] = []
  const err: string[] = []
  const created: { dir: string; password: string }[] = []
  const devnets: DevnetOptions[] = []
  const keystores = new Map<string, readonly KeystoreSummary[]>()
  const deps: CliDeps = {
    startNode: async () => {},
    runDevnet: async (options) => void devnets.push(options),
    async createKeystores(options) {
      created.push(options)
      const keys = [{ role: 'consensus', identity: '0xabc', file: `${options.dir}/consensus.json` }]
      keystores.set(options.dir, keys)
      return keys
    },
    keyRoles: ['consensus'],
    listKeystores: async ({ dir }) => keystores.get(dir) ?? [],
    checkPlugins: async () => [],
    judgeOffence,
    exportSigningHistory: () => Promise.reject(new TestError(false)),
    importSigningHistory: () => Promise.reject(new TestError(false)),
    eventConsumers: async () => [],
    eventDeadLetters: async () => [],
    retryEvents: () => Promise.reject(new TestError(false)),
    replayEvents: () => Promise.reject(new TestError(false)),
    outboxStatus: async () => [],
    outboxDeadLetters: async () => [],
    retryOutbox: () => Promise.reject(new TestError(false)),
    replayOutbox: () => Promise.reject(new TestError(false)),
    exportTable: () => Promise.reject(new TestError(false)),
    indexBuilds: async () => [],
    rollBackIndex: () => Promise.reject(new TestError(false)),
    recoverIndex: () => Promise.reject(new TestError(false)),
    models: {
      pack: refused,
      verify: refused,
      verifyKnown: refused,
      calibrate: refused,
      addFromPeers: refused,
      add: refused,
      remove: refused,
      list: async () => [],
      show: refused,
      decide: refused,
      bench: refused,
    },
    tryAbi: async () => null,
    stdin: new PassThrough(),
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    env: {},
    version: '1.2.3',
    ...over,
  }
  return {
    created,
    devnets,
    run: (...args: string[]) => runCli(['node', 'iyi', ...args], deps),
    out: () => out.join(''),
    err: () => err.join(''),
  }
}

const refused = () => Promise.reject(new TestError(false))

export class TestError extends IyiError<'TEST_FAILED', null> {
  constructor(retry: boolean) {
    super('TEST_FAILED', 'do this next', { data: null, retry })
  }
}

/** A terminal at which somebody types these lines, one each time that echo is switched off. */
export function typing(...lines: string[]) {
  const stdin = new PassThrough()
  const modes: boolean[] = []
  return Object.assign(stdin, {
    isTTY: true,
    modes,
    setRawMode(on: boolean) {
      modes.push(on)
      const line = lines.shift()
      if (on && line !== undefined) stdin.write(line)
      else if (on) stdin.end()
      else if (line !== undefined) lines.unshift(line)
    },
  })
}
