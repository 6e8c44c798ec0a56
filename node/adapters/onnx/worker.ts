// The process in which ONNX Runtime lives. It reads commands from its socket and answers one after the other; it opens no
// file and no connection, and ends when the node does, or when the node ends it in the middle of a run.
import { mkdtempSync, readdirSync, readFileSync, readSync, rmSync, writevSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bytesOf, type Tensor } from '../../ports/tensor.ts'
import { decodeFrame, encodeFrame, type Frame, lengthAfterPrefix, PREFIX_BYTES } from './frames.ts'
import { placementOf } from './placement.ts'
import { openSession, type Session } from './session.ts'
import { type Answer, type Command, MAX_ANSWER_BYTES, type Placement, WORKER_FD } from './worker-protocol.ts'

interface Open {
  readonly session: Session
  /** Folder of the profile of the first run; null when there is none, or no more. */
  profile: string | null
}

const models = new Map<number, Open>()

for (let frame = read(); frame !== null; frame = read()) {
  const { head, tensors, blob } = frame
  try {
    const { answer, outputs } = await obey(head, tensors, blob)
    write(answer, outputs)
  } catch (error) {
    write({ id: head.id, ok: false, error: error instanceof Error ? error.message : String(error) })
  }
}

async function obey(
  command: Command,
  tensors: Record<string, Tensor>,
  blob: Uint8Array,
): Promise<{ answer: Answer; outputs?: Record<string, Tensor> }> {
  const { id } = command
  const open = models.get(command.model)
  if (command.op === 'open') {
    const { provider, threads, optimisation } = command
    // What is asked for may be done by another provider, operator by operator: only the profile tells.
    const profile = provider === 'cpu' ? null : mkdtempSync(join(tmpdir(), 'iyi-profile-'))
    try {
      const session = await openSession(blob, {
        ...{ provider, threads, optimisation },
        ...(profile === null ? {} : { profilePrefix: join(profile, 'run') }),
      })
      models.set(command.model, { session, profile })
      return { answer: { id, ok: true, opened: { inputs: session.inputs, outputs: session.outputs } } }
    } catch (error) {
      if (profile !== null) rmSync(profile, { recursive: true, force: true })
      throw error
    }
  }
  if (open === undefined) throw new Error('the worker does not have this model')
  if (command.op === 'close') {
    models.delete(command.model)
    await open.session.release()
    if (open.profile !== null) rmSync(open.profile, { recursive: true, force: true })
    return { answer: { id, ok: true } }
  }
  const outputs = await open.session.run(tensors)
  const bytes = bytesOf(outputs)
  if (bytes > MAX_ANSWER_BYTES)
    throw new Error(`its outputs have ${bytes} bytes; at most ${MAX_ANSWER_BYTES} are taken`)
  if (open.profile === null) return { answer: { id, ok: true }, outputs }
  return { answer: { id, ok: true, ran: readPlacement(open, open.profile) }, outputs }
}

function readPlacement(open: Open, folder: string): Placement {
  open.session.endProfile()
  open.profile = null
  try {
    return placementOf(readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8')))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The next command; null when the node is gone. Waits without giving the turn away: there is nothing else to do. */
function read(): Frame<Command> | null {
  const prefix = new Uint8Array(PREFIX_BYTES)
  if (!fill(prefix)) return null
  const rest = new Uint8Array(lengthAfterPrefix(prefix))
  return fill(rest) ? decodeFrame<Command>(prefix, rest) : null
}

function fill(target: Uint8Array): boolean {
  for (let at = 0; at < target.length; ) {
    const got = readSync(WORKER_FD, target, at, target.length - at, null)
    if (got === 0) return false
    at += got
  }
  return true
}

function write(answer: Answer, outputs: Record<string, Tensor> = {}): void {
  let pieces = encodeFrame(answer, outputs)
  for (let left = pieces.reduce((sum, { length }) => sum + length, 0); left > 0; ) {
    const written = writevSync(WORKER_FD, pieces)
    left -= written
    pieces = rest(pieces, written)
  }
}

/** What of the pieces was not written yet. */
function rest(pieces: readonly Uint8Array[], written: number): Uint8Array[] {
  const left: Uint8Array[] = []
  let skip = written
  for (const piece of pieces) {
    if (skip < piece.length) left.push(skip === 0 ? piece : piece.subarray(skip))
    skip = Math.max(0, skip - piece.length)
  }
  return left
}
