// The one way to ONNX Runtime: everything that runs a model imports it from here. Its Linux build would else write
// `mat-debug-<pid>.log` (a name that others can guess, opened without O_EXCL) to the temporary folder, an id of this
// machine and a database of events to the home folder, and would send them. It looks at its environment when it is loaded.
process.env.ORT_DISABLE_TELEMETRY = '1'

export const { env, InferenceSession, Tensor } = await import('onnxruntime-node')

// Its binding reads a Float16Array as empty: it knows half floats as Uint16Array. Which of both its tensors take, it
// decides by whether there is a Float16Array when the first one is made.
const known = Object.getOwnPropertyDescriptor(globalThis, 'Float16Array')
if (known !== undefined) {
  Reflect.deleteProperty(globalThis, 'Float16Array')
  new Tensor('bool', Uint8Array.of(0), [1])
  Object.defineProperty(globalThis, 'Float16Array', known)
}
