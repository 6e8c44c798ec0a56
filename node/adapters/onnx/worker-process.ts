import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { BackendError, type BackendErrorCode } from '../../ports/inference-error.ts'
import type { Tensor, Tensors } from '../../ports/tensor.ts'
import { decodeFrame, encodeFrame, type Frame, lengthAfterPrefix, PREFIX_BYTES } from './frames.ts'
import {
  type Answer,
  type Command,
  MAX_ANSWER_BYTES,
  type Opened,
  type Placement,
  WORKER_FD,
} from './worker-protocol.ts'

const worker = fileURLToPath(new URL('./worker.ts', import.meta.url))
/** How often the memory of a worker at work is looked at. */
const MEMORY_MS = 100
/** The end of what a worker wrote to stderr. */
const KEPT_OUTPUT = 2_000

export interface WorkerLimits {
  /** A run or load that takes longer is ended, with the process. */
  readonly runMs: number
  readonly loadMs: number
  /** Resident memory of the process. Looked at on Linux only. */
  readonly memoryBytes: number
}

export interface Answered {
  readonly outputs: Record<string, Tensor>
  readonly opened?: Opened
  readonly ran?: Placement
}

type Without<T, K extends string> = T extends unknown ? Omit<T, K> : never

interface Job {
  readonly id: number
  readonly model: string
  readonly limitMs: number
  readonly resolve: (answered: Answered) => void
  readonly reject: (error: BackendError) => void
}

/**
 * One worker process. Commands are answered in their order. It is ended when the first of them takes too long or too
 * much memory; that one is rejected with the reason, those behind it with `BACKEND_LOST`: nothing is known of them.
 */
export class WorkerProcess {
  readonly #limits: WorkerLimits
  readonly #child: ChildProcess
  readonly #socket: Socket
  readonly #jobs: Job[] = []
  readonly #ended: Promise<void>
  #output = ''
  #nextId = 1
  #timer: NodeJS.Timeout | undefined
  #memoryTimer: NodeJS.Timeout | undefined
  #lookedAt = 0
  #verdict: { code: BackendErrorCode; why: string } | null = null
  #reader = frameReader((frame) => this.#answered(frame))

  /** @param program what it runs, given its end of the socket pair at `WORKER_FD` */
  constructor(limits: WorkerLimits, onEnd: (why: string) => void, program = worker) {
    this.#limits = limits
    this.#child = spawn(process.execPath, [program], {
      // The runtime looks for the data that a model keeps in other files from the folder it runs in.
      cwd: '/',
      env: {
        ORT_DISABLE_TELEMETRY: '1',
        ...(process.env.NODE_COMPILE_CACHE === undefined
          ? {}
          : { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }),
        ...(process.env.LD_LIBRARY_PATH === undefined
          ? {}
          : { LD_LIBRARY_PATH: process.env.LD_LIBRARY_PATH }),
      },
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    })
    this.#socket = this.#child.stdio[WORKER_FD] as Socket
    this.#socket.on('data', (chunk) => this.#read(chunk))
    // Writing to one that just ended; its end is told below.
    this.#socket.on('error', () => {})
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#output = (this.#output + text).slice(-KEPT_OUTPUT)
    })
    this.#ended = new Promise((resolve) => {
      let told = false
      const end = (why: string) => {
        // One that can't be started says so twice.
        if (told) return
        told = true
        this.#end(why)
        onEnd(this.#verdict?.why ?? why)
        resolve()
      }
      this.#child.once('error', (error) => end(`it could not be started: ${error.message}`))
      this.#child.once('close', (code, signal) =>
        end(`it ended with ${signal ?? `code ${code}`}${said(this.#output)}`),
      )
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Commands that were not answered yet. */
  get waiting(): number {
    return this.#jobs.length
  }

  /** Sends one command; `model` names it in errors. Rejects with `BackendError`. */
  send(
    command: Without<Command, 'id'>,
    model: string,
    tensors: Tensors = {},
    blob?: Uint8Array,
  ): Promise<Answered> {
    return new Promise((resolve, reject) => {
      if (this.#verdict !== null || this.#socket.destroyed) {
        reject(lost(model))
        return
      }
      const id = this.#nextId++
      const pieces = encodeFrame({ ...command, id } as Command, tensors, blob)
      const limitMs = command.op === 'open' ? this.#limits.loadMs : this.#limits.runMs
      this.#jobs.push({ id, model, limitMs, resolve, reject })
      if (this.#jobs.length === 1) this.#watch()
      this.#socket.cork()
      for (const piece of pieces) this.#socket.write(piece)
      this.#socket.uncork()
    })
  }

  /** Ends the process at once. */
  async stop(): Promise<void> {
    this.#kill('BACKEND_LOST', 'it was stopped')
    await this.#ended
  }

  #read(chunk: Buffer): void {
    // Of one that is being ended nothing is believed any more.
    if (this.#verdict !== null) return
    try {
      this.#reader(chunk)
    } catch (error) {
      this.#kill(
        'BACKEND_CRASHED',
        `it sent what is no answer (${error instanceof Error ? error.message : error})`,
      )
    }
  }

  #answered({ head, tensors }: Frame<Answer>): void {
    const job = this.#jobs[0]
    if (job === undefined || job.id !== head.id) throw new RangeError('an answer to no question')
    this.#jobs.shift()
    this.#watch()
    // The next run shall not be blamed for what this one left behind.
    if (performance.now() - this.#lookedAt > MEMORY_MS) this.#look('BACKEND_LOST')
    const { opened, ran } = head.ok ? head : {}
    if (head.ok)
      job.resolve({
        outputs: tensors,
        ...(opened === undefined ? {} : { opened }),
        ...(ran === undefined ? {} : { ran }),
      })
    else job.reject(new BackendError('BACKEND_RUN_FAILED', job.model, head.error))
  }

  /** The time of the first command begins when it becomes the first. */
  #watch(): void {
    clearTimeout(this.#timer)
    const job = this.#jobs[0]
    if (job === undefined) {
      clearInterval(this.#memoryTimer)
      this.#memoryTimer = undefined
      return
    }
    this.#timer = setTimeout(
      () => this.#kill('BACKEND_RUN_TOO_LONG', `it took longer than ${job.limitMs} ms`),
      job.limitMs,
    )
    this.#memoryTimer ??= setInterval(() => this.#look('BACKEND_OUT_OF_MEMORY'), MEMORY_MS)
  }

  #look(code: 'BACKEND_OUT_OF_MEMORY' | 'BACKEND_LOST'): void {
    this.#lookedAt = performance.now()
    const used = residentBytes(this.#child.pid)
    if (used > this.#limits.memoryBytes)
      this.#kill(
        code,
        `it took ${mebibytes(used)} MiB, of which the worker may have ${mebibytes(this.#limits.memoryBytes)}`,
      )
  }

  #kill(code: BackendErrorCode, why: string): void {
    this.#verdict ??= { code, why }
    this.#child.kill('SIGKILL')
  }

  #end(why: string): void {
    clearTimeout(this.#timer)
    clearInterval(this.#memoryTimer)
    this.#socket.destroy()
    const verdict = this.#verdict ?? { code: 'BACKEND_CRASHED', why }
    this.#verdict = verdict
    const [first, ...others] = this.#jobs.splice(0)
    if (first !== undefined)
      first.reject(
        new BackendError(verdict.code, first.model, `the worker was lost with the run: ${verdict.why}`),
      )
    for (const job of others) job.reject(lost(job.model))
  }
}

/** Resident memory of a process; 0 where it is not known. */
export function residentBytes(pid: number | undefined): number {
  if (process.platform !== 'linux' || pid === undefined) return 0
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

/** Puts chunks of the socket together. */
function frameReader(take: (frame: Frame<Answer>) => void): (chunk: Uint8Array) => void {
  let prefix = new Uint8Array(PREFIX_BYTES)
  let rest: Uint8Array | null = null
  let filled = 0
  return (chunk) => {
    for (let at = 0; at < chunk.length; ) {
      const target: Uint8Array = rest ?? prefix
      const part = chunk.subarray(at, at + target.length - filled)
      target.set(part, filled)
      filled += part.length
      at += part.length
      if (filled < target.length) continue
      filled = 0
      if (rest === null) {
        const length = lengthAfterPrefix(prefix)
        if (length > MAX_ANSWER_BYTES + 2 ** 20) throw new RangeError(`${length} bytes are too many`)
        rest = new Uint8Array(length)
      } else {
        const frame = decodeFrame<Answer>(prefix, rest)
        prefix = new Uint8Array(PREFIX_BYTES)
        rest = null
        take(frame)
      }
    }
  }
}

const lost = (model: string) =>
  new BackendError('BACKEND_LOST', model, 'the worker ended before it came to this run')
const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20)
const said = (output: string) => {
  const line = output.trim().split('\n').at(-1) ?? ''
  return line === '' ? '' : `: ${line.slice(0, 300)}`
}
