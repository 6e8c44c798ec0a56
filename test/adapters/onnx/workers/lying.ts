// A worker that reads one command and answers what it should not; which lie it is, the blob of the command says.
import { readSync, writeSync } from 'node:fs'
import {
  decodeFrame,
  encodeFrame,
  lengthAfterPrefix,
  PREFIX_BYTES,
} from '../../../../node/adapters/onnx/frames.ts'
import { WORKER_FD } from '../../../../node/adapters/onnx/worker-protocol.ts'

function fill(target: Uint8Array): void {
  for (let at = 0; at < target.length; ) {
    const got = readSync(WORKER_FD, target, at, target.length - at, null)
    if (got === 0) process.exit(0)
    at += got
  }
}

const prefix = new Uint8Array(PREFIX_BYTES)
fill(prefix)
const rest = new Uint8Array(lengthAfterPrefix(prefix))
fill(rest)
const { head, blob } = decodeFrame<{ id: number }>(prefix, rest)
const say = (bytes: Uint8Array) => writeSync(WORKER_FD, bytes)
const lie = Buffer.from(blob).toString()
if (lie === 'noise') say(Buffer.alloc(4_096, 0xff))
if (lie === 'nothing') say(Buffer.alloc(64))
if (lie === 'huge') say(Buffer.from([0xff, 0xff, 0xff, 0x7f, 2, 0, 0, 0]))
if (lie === 'another') say(Buffer.concat(encodeFrame({ id: head.id + 1, ok: true })))
if (lie === 'type')
  say(
    Buffer.concat(
      encodeFrame({ id: head.id, ok: true }, { y: { type: 'int32', shape: [1], data: Int32Array.of(1) } }),
    ).map((byte, i, all) => (all[i - 1] === 0x69 && all[i + 1] === 0x74 && byte === 0x6e ? 0x4e : byte)),
  )
if (lie === 'end') process.exit(3)
setInterval(() => {}, 1_000)
