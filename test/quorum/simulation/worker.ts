import { parentPort } from 'node:worker_threads'
import { simulate } from './run.ts'
import { scenarioOf } from './scenario.ts'

// A seed in, its result out, one at a time.
parentPort?.on('message', (seed: number) => parentPort?.postMessage(simulate(scenarioOf(seed))))
